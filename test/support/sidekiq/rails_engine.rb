# frozen_string_literal: true

# A process of the Rails engine, as far as its queue is concerned: its job class with its declarations, which prints what it
# was given instead of running it.

require 'active_job'
require 'sidekiq'

module Tasker
  # As the engine declares it.
  class TaskRunnerJob < ActiveJob::Base
    queue_as :default
    retry_on StandardError, wait: 3.seconds, attempts: 3

    def perform(task_id, correlation_id: nil)
      $stdout.syswrite("#{self.class.name} #{task_id} #{correlation_id.inspect} #{queue_name} #{executions}\n")
    end
  end
end

ActiveJob::Base.queue_adapter = :sidekiq
ActiveJob::Base.logger = nil

Sidekiq.configure_server do |config|
  Sidekiq.options[:poll_interval_average] = 0.2
  config.on(:startup) { $stdout.syswrite("ready\n") }
end
