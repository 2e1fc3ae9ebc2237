# frozen_string_literal: true

module Treadle
  module Rails
    # One step waits for another. A new edge is checked for circles within its task; Rails walks the edges of the whole database.
    class WorkflowStepEdge < Record
      self.table_name = 'tasker_workflow_step_edges'
      PROVIDES = 'provides'

      belongs_to :from_step, class_name: 'Treadle::Rails::WorkflowStep', inverse_of: :outgoing_edges, optional: true
      belongs_to :to_step, class_name: 'Treadle::Rails::WorkflowStep', inverse_of: :incoming_edges, optional: true

      validates :name, presence: true
      validate :stays_in_its_task, :makes_no_circle, on: :create

      scope :for_task, ->(task) { where(to_step_id: WorkflowStep.for_task(task).select(:workflow_step_id)) }
      scope :parents_of, ->(step) { where(to_step_id: Record.id_of(step)) }
      scope :children_of, ->(step) { where(from_step_id: Record.id_of(step)) }
      scope :provides, -> { where(name: PROVIDES) }

      class << self
        def create_edge!(from_step, to_step, name = PROVIDES)
          create!(from_step: from_step, to_step: to_step, name: name)
        end

        # The edges that lead to the siblings of a step.
        def siblings_of(step)
          where(to_step_id: sibling_ids_of(step))
        end

        # Those whose parents are exactly the parents of this one, as a query. Looks at the children of its parents alone.
        def sibling_ids_of(step)
          id = Record.id_of(step)
          near = where(from_step_id: parents_of(id).select(:from_step_id)).where.not(to_step_id: id).select(:to_step_id)
          its_parents = parents_of(id).select('array_agg(distinct from_step_id)').to_sql
          where(to_step_id: near).group(:to_step_id).select(:to_step_id)
                                 .having("array_agg(distinct from_step_id) = (#{its_parents})")
        end
      end

      private

      def stays_in_its_task
        return if from_step && to_step && from_step.task_id == to_step.task_id

        errors.add(:base, 'An edge leads from one step of a task to another one of it')
      end

      def makes_no_circle
        return if errors.any? || !leads_back?

        errors.add(:base, 'Adding this edge would create a cycle in the workflow')
      end

      # From the child down; the child itself is there too.
      def leads_back?
        sql = <<~SQL
          with recursive below (id) as (
            select ?::bigint
            union
            select e.to_step_id from below join tasker_workflow_step_edges e on e.from_step_id = below.id
          )
          select true from below where id = ?
        SQL
        self.class.connection.select_value(self.class.sanitize_sql_array([sql, to_step_id, from_step_id]))
      end
    end
  end
end
