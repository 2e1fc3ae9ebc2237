# frozen_string_literal: true

module Treadle
  module Rails
    # Where each step stands in the graph of its task: a view, which looks at the tasks that are asked for and no others.
    class StepDagRelationship < Record
      self.table_name = 'tasker_step_dag_relationships'
      self.primary_key = 'workflow_step_id'

      belongs_to :workflow_step, inverse_of: :step_dag_relationship, optional: true
      belongs_to :task, optional: true

      scope :for_task, ->(task) { where(task_id: Record.id_of(task)) }
      scope :root_steps, -> { where(is_root_step: true) }
      scope :leaf_steps, -> { where(is_leaf_step: true) }
      scope :with_parents, -> { where('parent_count > 0') }
      scope :with_children, -> { where('child_count > 0') }
      scope :siblings_of, lambda { |step|
        where(workflow_step_id: WorkflowStepEdge.sibling_ids_of(step).map(&:to_step_id))
      }

      def readonly? = true
      def root_step? = is_root_step
      def leaf_step? = is_leaf_step
      def has_parents? = parent_count.positive? # rubocop:disable Naming/PredicateName
      def has_children? = child_count.positive? # rubocop:disable Naming/PredicateName
      def parent_step_ids_array = parent_step_ids || []
      def child_step_ids_array = child_step_ids || []
    end
  end
end
