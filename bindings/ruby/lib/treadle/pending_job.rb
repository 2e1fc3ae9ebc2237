# frozen_string_literal: true

module Treadle
  # Middleware of Sidekiq's server. The engine writes a key into Redis for each job that it pushes, so that it does not push
  # a second one while the first waits; when the job begins the key goes.
  class PendingJob
    def call(_job, payload, _queue)
      facts = payload['treadle']
      key = facts['pending_key'] if facts.is_a?(Hash)
      ::Sidekiq.redis { |redis| redis.del(key) } if key.is_a?(String)
      yield
    end

    # Once, in processes that run jobs.
    def self.install
      ::Sidekiq.configure_server do |config|
        config.server_middleware { |chain| chain.prepend(self) }
      end
    end
  end
end
