# frozen_string_literal: true

module Treadle
  module Rails
    # One row of the audit trail of a step.
    class WorkflowStepTransition < Record
      self.table_name = 'tasker_workflow_step_transitions'

      def self.parent_key = 'workflow_step_id'

      include Audited

      belongs_to :workflow_step, inverse_of: :workflow_step_transitions, optional: true
      delegate :task, to: :workflow_step

      scope :for_task, ->(task) { where(workflow_step_id: WorkflowStep.for_task(task).select(:workflow_step_id)) }
      scope :for_attempt, ->(attempt) { with_metadata_value('attempt_number', attempt) }
      # From `error` straight back to `pending`. (In Rails any earlier error made every later pending row a retry, once for each.)
      scope :retry_transitions, lambda {
        where(to_state: 'pending').where(<<~SQL.squish)
          (select before.to_state from #{table_name} before
           where before.workflow_step_id = #{table_name}.workflow_step_id and before.sort_key < #{table_name}.sort_key
           order by before.sort_key desc limit 1) = 'error'
        SQL
      }

      class << self
        def statistics
          super.merge(retry_attempts: retry_transitions.count, average_execution_time: average_execution_time)
        end

        private

        # Seconds, of attempts that say how long they took: all that Treadle ran.
        def average_execution_time
          where("jsonb_typeof(metadata -> 'execution_duration') = 'number'")
            .pick(Arel.sql("avg((metadata ->> 'execution_duration')::double precision)"))
        end
      end

      def step_name = workflow_step.name
      def retry_transition? = to_state == 'pending' && (has_metadata?('retry_attempt') || get_metadata('event') == 'retry')
      def attempt_number = get_metadata('attempt_number', 1)
      # Seconds; nil where nothing ran.
      def execution_duration = get_metadata('execution_duration')

      def description
        case to_state
        when 'pending' then pending_description
        when 'in_progress' then "Step execution started (attempt ##{attempt_number})"
        when 'complete' then "Step completed successfully#{execution_duration&.then { |seconds| " in #{seconds.round(2)}s" }}"
        when 'error' then "Step failed: #{get_metadata('error_message', 'Unknown error')}#{' (retry scheduled)' if backoff_info}"
        when 'cancelled' then "Step cancelled due to #{get_metadata('reason', get_metadata('triggered_by', 'manual cancellation'))}"
        when 'resolved_manually' then "Step manually resolved by #{get_metadata('resolved_by', 'unknown')}"
        else "Step transitioned to #{to_state}"
        end
      end

      def formatted_metadata
        super.merge('step_name' => step_name, 'task_id' => workflow_step.task_id)
      end

      # When a failed attempt is followed by another one; nil when nothing follows it.
      def backoff_info
        return nil unless error_transition? && has_metadata?('backoff_until')

        { backoff_until: Time.iso8601(get_metadata('backoff_until')).utc, backoff_seconds: get_metadata('backoff_seconds'),
          retry_available: get_metadata('retry_available', false) }
      rescue ArgumentError, TypeError
        nil # another hand wrote what is no instant
      end

      private

      def pending_description
        retry_transition? ? "Step retry attempt ##{attempt_number}" : 'Step initialized and ready for execution'
      end
    end
  end
end
