# frozen_string_literal: true

module Treadle
  module Rails
    # What a task needs next: a row of get_task_execution_context.
    class TaskExecutionContext < FunctionRow
      columns :task_id, :named_task_id, :status, :total_steps, :pending_steps, :in_progress_steps, :completed_steps, :failed_steps,
              :ready_steps, :execution_status, :recommended_action, :completion_percentage, :health_status

      # Whether something can be done by the engine at once, and how much it matters.
      NEXT = {
        'execute_ready_steps' => ['high', true, ->(it) { "#{it.ready_steps} steps ready for execution" }],
        'wait_for_completion' => ['low', false, ->(it) { "#{it.in_progress_steps} steps currently processing" }],
        'handle_failures' => ['critical', false, ->(it) { "#{it.failed_steps} failed steps blocking progress" }],
        'finalize_task' => ['medium', true, ->(_) { 'All steps completed successfully' }],
        'wait_for_dependencies' => ['low', false, ->(_) { 'Waiting for dependencies to be satisfied' }]
      }.freeze
      private_constant :NEXT

      class << self
        # Raises ActiveRecord::RecordNotFound.
        def find(task)
          for_tasks([task]).first or raise ::ActiveRecord::RecordNotFound, "there is no task #{Record.id_of(task)}"
        end

        # In the order of their ids; those that do not exist are left out. One statement.
        def for_tasks(tasks)
          rows('get_task_execution_contexts_batch(array[?]::bigint[])', ids(tasks), order: 'task_id')
        end
      end

      def task = Task.find(task_id)
      def has_work_to_do? = %w[has_ready_steps processing].include?(execution_status) # rubocop:disable Naming/PredicateName
      def is_blocked? = execution_status == 'blocked_by_failures' # rubocop:disable Naming/PredicateName
      def is_complete? = execution_status == 'all_complete' # rubocop:disable Naming/PredicateName
      def is_healthy? = health_status == 'healthy' # rubocop:disable Naming/PredicateName
      def needs_intervention? = health_status == 'blocked'
      def can_make_progress? = ready_steps.positive?
      def should_reenqueue? = has_work_to_do? || execution_status == 'waiting_for_dependencies'
      def needs_immediate_action? = %w[execute_ready_steps handle_failures finalize_task].include?(recommended_action)

      def workflow_summary
        { total_steps: total_steps, completed: completed_steps, pending: pending_steps, in_progress: in_progress_steps,
          failed: failed_steps, ready: ready_steps, completion_percentage: completion_percentage, status: execution_status,
          health: health_status, recommended_action: recommended_action, progress_details: progress_details }
      end

      def progress_details
        { completed_ratio: "#{completed_steps}/#{total_steps}", completion_percentage: "#{completion_percentage.to_f}%",
          remaining_steps: total_steps - completed_steps, failed_steps: failed_steps, ready_steps: ready_steps }
      end

      def next_action_details
        urgency, can_proceed, description = NEXT.fetch(recommended_action)
        { action: recommended_action, description: description.call(self), urgency: urgency, can_proceed: can_proceed }
      end
    end
  end
end
