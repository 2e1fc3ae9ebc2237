# frozen_string_literal: true

module Treadle
  module Rails
    # One row of the audit trail of a task.
    class TaskTransition < Record
      self.table_name = 'tasker_task_transitions'

      DESCRIPTIONS = {
        'pending' => 'Task initialized and ready for processing',
        'in_progress' => 'Task execution started',
        'complete' => 'Task completed successfully',
        'error' => 'Task encountered an error',
        'cancelled' => 'Task was cancelled',
        'resolved_manually' => 'Task was manually resolved'
      }.freeze
      private_constant :DESCRIPTIONS

      def self.parent_key = 'task_id'

      include Audited

      belongs_to :task, inverse_of: :task_transitions, optional: true

      # The sentence of Rails, and what else Treadle wrote down: why it waits, which operator, and his reason.
      def description
        [DESCRIPTIONS.fetch(to_state) { "Task transitioned to #{to_state}" }, said_by_treadle].compact.join(': ')
      end

      private

      def said_by_treadle
        [get_metadata('reason'), get_metadata('by')&.then { |by| "by #{by}" }].compact.join(', ').presence
      end
    end
  end
end
