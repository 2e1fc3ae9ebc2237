# frozen_string_literal: true

module Treadle
  module Rails
    # A task: what was asked for, its steps, and its audit trail. `Task.create_with_steps!` makes one, see NewTask.
    class Task < Record
      self.table_name = 'tasker_tasks'

      include Stateful
      include TaskScopes

      belongs_to :named_task, inverse_of: :tasks, optional: true
      has_many :workflow_steps, -> { order(:workflow_step_id) }, inverse_of: :task
      has_many :task_annotations, inverse_of: :task
      has_many :annotation_types, through: :task_annotations
      has_many :task_transitions, inverse_of: :task

      # Rails refuses to save tasks without these.
      validates :context, :requested_at, :identity_hash, presence: true

      delegate :name, :namespace_name, :version, :full_name, to: :named_task
      delegate :workflow_summary, to: :task_execution_context

      # See NewTask.
      def self.create_with_steps!(name, **request)
        NewTask.new(name, **request).create!
      end

      # Nil when it has no such step.
      def get_step_by_name(name)
        return workflow_steps.find { |step| step.name == name.to_s } if workflow_steps.loaded?

        workflow_steps.joins(:named_step).find_by(tasker_named_steps: { name: name.to_s })
      end

      def all_steps_complete?
        StepReadinessStatus.all_steps_complete_for_task?(self)
      end

      # Asked anew after a reload.
      def task_execution_context
        @task_execution_context ||= TaskExecutionContext.find(id)
      end

      # Its steps as a graph: nodes with their levels (0 is a root), edges, and who leads to whom, by id.
      def dependency_graph
        levels = DependencyLevels.for_task(self)
        edges = WorkflowStepEdge.for_task(self).order(:id).pluck(:from_step_id, :to_step_id)
        { nodes: workflow_steps.includes(:named_step).map { |it| { id: it.id, name: it.name, level: levels[it.id] } },
          edges: edges.map { |from, to| { from: from, to: to } },
          adjacency_list: lists_of(edges), reverse_adjacency_list: lists_of(edges.map(&:reverse)),
          dependency_levels: levels }
      end

      # Ends it: Treadle cancels what has not ended of it, and takes running steps from their workers.
      def cancel!(by: nil, reason: nil)
        transition_to!('cancelled', metadata_of(by, reason))
        self
      end

      # For a task that has failed, and shall stay so: it counts as settled. To let it go on, retry! or resolve! its steps.
      def resolve!(by:, reason: nil)
        transition_to!('resolved_manually', metadata_of(by, reason, resolved_by: by))
        self
      end

      # Gives all of its failed steps their attempts back, and lets the task go on. The steps that it retried.
      def retry!(by: nil, reason: nil)
        self.class.transaction(requires_new: true) do
          lock_task
          workflow_steps.failed.order(:workflow_step_id).to_a.each { |step| step.retry!(by: by, reason: reason) }
        end
      end

      # Notes down any JSON about it. Nothing is ever replaced.
      def annotate!(type_name, annotation)
        type = AnnotationType.find_by(name: type_name.to_s) || AnnotationType.create_or_find_by!(name: type_name.to_s)
        task_annotations.create!(annotation_type: type, annotation: annotation)
      end

      def reload(*)
        @task_execution_context = nil
        super
      end

      private

      def transitions = task_transitions
      def law = Law::TASK

      # Complete is a task whose steps are all done.
      def permitted?(state)
        state != 'complete' || workflow_steps.where.not(workflow_step_id: WorkflowStep.completed.where(task_id: id)).none?
      end

      def lock_task
        self.class.lock('for no key update').where(task_id: id).pick(:task_id) or raise ::ActiveRecord::RecordNotFound
      end

      def lists_of(edges)
        workflow_steps.to_h { |it| [it.id, []] }.merge(edges.group_by(&:first).transform_values { |pairs| pairs.map(&:last) })
      end
    end
  end
end
