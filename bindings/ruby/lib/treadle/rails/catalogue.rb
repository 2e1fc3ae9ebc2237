# frozen_string_literal: true

module Treadle
  module Rails
    # What tasks and steps are called, and which systems they depend on: the rows that templates are registered as.
    class TaskNamespace < Record
      self.table_name = 'tasker_task_namespaces'
      DEFAULT = 'default'

      has_many :named_tasks, inverse_of: :task_namespace
      validates :name, presence: true, length: { maximum: 64 }

      def default? = name == DEFAULT
    end

    # A system that steps work with; `unknown` where the template names none.
    class DependentSystem < Record
      self.table_name = 'tasker_dependent_systems'

      has_many :named_steps, inverse_of: :dependent_system
      validates :name, presence: true, length: { maximum: 64 }
    end

    # The same thing in two systems, by its ids there.
    class DependentSystemObjectMap < Record
      self.table_name = 'tasker_dependent_system_object_maps'

      belongs_to :dependent_system_one, class_name: 'Treadle::Rails::DependentSystem', optional: true
      belongs_to :dependent_system_two, class_name: 'Treadle::Rails::DependentSystem', optional: true
      validates :remote_id_one, :remote_id_two, presence: true, length: { maximum: 128 }
    end

    # A step by name; templates that have a step of that name (and system) share it.
    class NamedStep < Record
      self.table_name = 'tasker_named_steps'

      belongs_to :dependent_system, inverse_of: :named_steps, optional: true
      has_many :workflow_steps, inverse_of: :named_step
      has_many :named_tasks_named_steps, inverse_of: :named_step
      has_many :named_tasks, through: :named_tasks_named_steps
      validates :name, presence: true, length: { maximum: 128 }
    end

    # What a template says of one of its steps.
    class NamedTasksNamedStep < Record
      self.table_name = 'tasker_named_tasks_named_steps'

      belongs_to :named_task, inverse_of: :named_tasks_named_steps, optional: true
      belongs_to :named_step, inverse_of: :named_tasks_named_steps, optional: true
      delegate :name, to: :named_step
    end
  end
end
