# frozen_string_literal: true

module Treadle
  module Rails
    # One step of a task.
    class WorkflowStep < Record
      self.table_name = 'tasker_workflow_steps'

      include Stateful
      include StepScopes
      include StepPredicates

      belongs_to :task, inverse_of: :workflow_steps, optional: true
      belongs_to :named_step, inverse_of: :workflow_steps, optional: true
      has_many :incoming_edges, class_name: 'Treadle::Rails::WorkflowStepEdge', foreign_key: :to_step_id, inverse_of: :to_step
      has_many :outgoing_edges, class_name: 'Treadle::Rails::WorkflowStepEdge', foreign_key: :from_step_id, inverse_of: :from_step
      has_many :parents, through: :incoming_edges, source: :from_step
      has_many :children, through: :outgoing_edges, source: :to_step
      has_many :workflow_step_transitions, inverse_of: :workflow_step
      has_one :step_dag_relationship, foreign_key: :workflow_step_id, inverse_of: :workflow_step

      delegate :name, to: :named_step

      # Steps with exactly the same parents; a root has none.
      def siblings
        self.class.where(workflow_step_id: WorkflowStepEdge.sibling_ids_of(self)).order(:workflow_step_id)
      end

      # Ends it, whatever it is at; Treadle takes a running step from its worker. What waits for it will never run.
      def cancel!(by: nil, reason: nil)
        move_to('cancelled', metadata_of(by, reason)) { { in_process: false } }
      end

      # Done by hand: its children may run, and read the results (nil: those that it has). A failed task goes on.
      def resolve!(by:, reason: nil, results: nil)
        move_to('resolved_manually', metadata_of(by, reason, resolved_by: by)) do |at|
          { processed: true, processed_at: at, in_process: false, backoff_request_seconds: nil, results: results }
            .then { |columns| results.nil? ? columns.except(:results) : columns }
        end
      end

      # Gives a failed step its attempts back, to run at once. A failed task goes on.
      def retry!(by: nil, reason: nil)
        move_to('pending', metadata_of(by, reason, attempts_before: attempts.to_i)) do
          { attempts: 0, backoff_request_seconds: nil, processed: false, processed_at: nil, in_process: false }
        end
      end

      private

      def transitions = workflow_step_transitions
      def law = Law::STEP

      # The columns that say the same as the state; Rails leaves them to whoever runs the step. Engines write in this order too.
      def move_to(state, metadata)
        self.class.transaction(requires_new: true) do
          row = transition_to!(state, metadata)
          update_columns(**yield(row.created_at), updated_at: row.created_at)
        end
        self
      end

      # A step may start when all of its parents are done. (Rails takes parents that it cannot look at for done.)
      def permitted?(state)
        state != 'in_progress' || parents.where.not(workflow_step_id: WorkflowStep.completed.where(task_id: task_id)).none?
      end

      # Treadle locks the task before its steps.
      def lock_task
        @readiness = nil
        Task.lock('for no key update').where(task_id: task_id).pick(:task_id) or raise ::ActiveRecord::RecordNotFound
      end
    end
  end
end
