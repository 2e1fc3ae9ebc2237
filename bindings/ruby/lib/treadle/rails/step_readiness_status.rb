# frozen_string_literal: true

module Treadle
  module Rails
    # Where a step stands and whether it may run now: a row of get_step_readiness_status. Lists are arrays, ordered by step.
    class StepReadinessStatus < FunctionRow
      columns :workflow_step_id, :task_id, :named_step_id, :name, :current_state, :dependencies_satisfied, :retry_eligible,
              :ready_for_execution, :last_failure_at, :next_retry_at, :total_parents, :completed_parents, :attempts, :retry_limit,
              :backoff_request_seconds, :last_attempted_at

      LONGEST_EXPONENTIAL = 30
      private_constant :LONGEST_EXPONENTIAL

      class << self
        # Of a task, or of some of its steps.
        def for_task(task, steps = nil)
          wanted = steps && ids(steps)
          list = wanted ? 'array[?]::bigint[]' : '?::bigint[]'
          rows("get_step_readiness_status(?, #{list})", Record.id_of(task), wanted, order: 'workflow_step_id')
        end

        def for_tasks(tasks)
          rows('get_step_readiness_status_batch(array[?]::bigint[])', ids(tasks), order: 'task_id, workflow_step_id')
        end

        # Of steps, whichever tasks they belong to: two statements.
        def for_steps(steps)
          wanted = ids(steps)
          for_tasks(WorkflowStep.where(workflow_step_id: wanted).distinct.pluck(:task_id))
            .select { |it| wanted.include?(it.workflow_step_id) }
        end

        def ready_for_task(task) = for_task(task).select(&:ready_for_execution)
        def blocked_by_dependencies_for_task(task) = for_task(task).reject(&:dependencies_satisfied)
        def blocked_by_retry_for_task(task) = for_task(task).reject(&:retry_eligible)
        def pending_for_task(task) = in_state(task, 'pending')
        def failed_for_task(task) = in_state(task, 'error')
        def in_progress_for_task(task) = in_state(task, 'in_progress')
        def complete_for_task(task) = in_state(task, *Law::DONE)

        # As the guard of `complete` counts: a task without steps passes.
        def all_steps_complete_for_task?(task)
          for_task(task).all? { |it| Law::DONE.include?(it.current_state) }
        end

        private

        def in_state(task, *states)
          for_task(task).select { |it| states.include?(it.current_state) }
        end
      end

      def workflow_step = WorkflowStep.find(workflow_step_id)
      def task = Task.find(task_id)
      def can_execute_now? = ready_for_execution

      # It has attempts left, and its time has not come.
      def waiting_for_backoff?
        %w[pending error].include?(current_state) && retry_eligible && !next_retry_at.nil? && next_retry_at > read_at
      end

      # Why it is not ready. In Rails a step that waits for its back-off is `unknown` here.
      def blocking_reason
        return nil if ready_for_execution
        return 'invalid_state' unless %w[pending error].include?(current_state)
        return 'dependencies_not_satisfied' unless dependencies_satisfied
        return 'retry_not_eligible' if !retry_eligible || waiting_for_backoff?

        'unknown'
      end

      # Whole seconds, by the clock of Postgres; nil when it is not time that it waits for.
      def time_until_ready
        return 0 if ready_for_execution

        waiting_for_backoff? ? (next_retry_at - read_at).ceil : nil
      end

      def dependency_status
        return 'no_dependencies' if total_parents.zero?

        dependencies_satisfied ? 'all_satisfied' : "#{completed_parents}/#{total_parents}_satisfied"
      end

      # In Rails a step in back-off is `retry_eligible` here.
      def retry_status
        return 'max_retries_reached' if attempts >= retry_limit

        waiting_for_backoff? ? 'waiting_for_backoff' : 'retry_eligible'
      end

      def backoff_type
        return 'explicit_backoff' if backoff_request_seconds && last_attempted_at

        last_failure_at ? 'exponential_backoff' : 'no_backoff'
      end

      def effective_backoff_seconds
        return backoff_request_seconds if backoff_request_seconds

        attempts.positive? ? [2**[attempts, 5].min, LONGEST_EXPONENTIAL].min : 0
      end

      def detailed_status
        { ready: ready_for_execution, current_state: current_state, dependencies: dependency_status, retry: retry_status,
          blocking_reason: blocking_reason, time_until_ready: time_until_ready, backoff_type: backoff_type,
          effective_backoff_seconds: effective_backoff_seconds }
      end
    end
  end
end
