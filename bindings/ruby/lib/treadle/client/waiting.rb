# frozen_string_literal: true

module Treadle
  class Client
    # Watching a task, and waiting for its end.
    module Waiting
      # States in which a task has ended.
      ENDS = %w[complete error cancelled resolved_manually].freeze
      # Seconds before an engine that went away is asked again.
      PAUSE = 0.5

      # The task with its steps as it is, then each change until it ends: an Enumerator of TaskDetails, StepDetails and
      # StepProgress. `timeout` in seconds; none by default.
      def watch_task(task_id, timeout: nil)
        deadline = timeout && (Time.now + timeout)
        Enumerator.new do |changes|
          @connection.stream(:watch_task, V1::WatchTaskRequest.new(task_id: task_id), deadline) do |message|
            changes << Records.public_send(message.message, message.public_send(message.message))
          end
        end
      end

      # The task once it has ended, in whatever state. An engine that goes away meanwhile is asked again.
      # Raises WaitTimeoutError after `timeout` seconds.
      def wait_for_task(task_id, timeout: nil)
        deadline = timeout && (now + timeout)
        loop do
          ended = end_of(task_id, deadline && (deadline - now))
          return ended if ended

          raise WaitTimeoutError, "task #{task_id} has not ended within #{timeout} s" if deadline && now >= deadline

          sleep(deadline ? [PAUSE, [deadline - now, 0].max].min : PAUSE)
        end
      end

      private

      # Nil when the stream ended before the task did.
      def end_of(task_id, seconds)
        last = nil
        watch_task(task_id, timeout: seconds).each { |change| last = change if change.is_a?(TaskDetails) }
        last if last && ENDS.include?(last.state)
      rescue UnavailableError
        nil
      end

      def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end
