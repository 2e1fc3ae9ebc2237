# frozen_string_literal: true

# The same worker of a team whose Redis speaks TLS with a certificate of its own authority, as docs/sidekiq.md says.

Sidekiq.configure_server do |config|
  config.redis = { url: ENV.fetch('REDIS_URL'), ssl_params: { ca_file: ENV.fetch('REDIS_CA') } }
end

require_relative 'worker'
