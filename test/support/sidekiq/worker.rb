# frozen_string_literal: true

# What a team loads into Sidekiq: our job. The poller looks for delayed jobs often, which a test cannot wait for otherwise.

require 'treadle/sidekiq'
require 'treadle/active_job'

Sidekiq.configure_server do |config|
  Sidekiq.options[:poll_interval_average] = 0.2
  config.on(:startup) { $stdout.syswrite("ready\n") }
end
