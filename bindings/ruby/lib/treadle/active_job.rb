# frozen_string_literal: true

# `require 'treadle/active_job'` for applications with ActiveJob, whatever its backend: Treadle::TaskRunnerJob brings a task to
# the engine, and can stand in for the Tasker::TaskRunnerJob of the Rails engine.

require 'active_job'
require_relative '../treadle'
require_relative 'run_task'

require_relative 'sidekiq' if defined?(Sidekiq)

module Treadle
  # Starts a task in the engine, and does not wait for its steps.
  class TaskRunnerJob < ::ActiveJob::Base
    queue_as :default

    # An engine that restarts is back in seconds. After these the backend has its own way.
    retry_on(UnavailableError, DatabaseUnavailableError,
             attempts: 10, wait: ->(executions) { [5 * executions, 60].min })

    # What else the Rails engine says (correlation_id) is not needed here.
    def perform(task_id, **)
      RunTask.call(task_id)
    end
  end

  # From now on whoever enqueues Tasker::TaskRunnerJob hands the task to Treadle, jobs that wait already included. Safe to call
  # again, as Rails does with `config.to_prepare` after each reload. Answers with the class.
  def self.take_over_task_runner!
    tasker = Object.const_defined?(:Tasker) ? ::Tasker : Object.const_set(:Tasker, Module.new)
    if tasker.const_defined?(:TaskRunnerJob, false)
      theirs = tasker.const_get(:TaskRunnerJob, false) # an autoload must have happened before it can be replaced
      return theirs if theirs.equal?(TaskRunnerJob)

      tasker.send(:remove_const, :TaskRunnerJob)
    end
    tasker.const_set(:TaskRunnerJob, TaskRunnerJob)
  end
end
