# frozen_string_literal: true

require 'sidekiq'
require_relative '../treadle'
require_relative 'run_task'

module Treadle
  # The job of Sidekiq that an engine pushes when a task is due. It starts the task there, and does not wait for its steps.
  class RunTaskJob
    include(defined?(::Sidekiq::Job) ? ::Sidekiq::Job : ::Sidekiq::Worker) # the name changed with 6.3, and the old one went

    # An engine that restarts is back in seconds. Sidekiq adds some at random.
    sidekiq_retry_in { |count| [5 * (count + 1), 60].min }

    def perform(task_id, *)
      RunTask.call(task_id)
    end
  end
end
