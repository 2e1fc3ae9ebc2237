# frozen_string_literal: true

module Treadle
  module Rails
    # How tasks are found. Every scope is one statement and multiplies no rows. The state of a task is its most recent transition,
    # and `pending` while it has none; the scopes of Rails leave tasks without a transition out.
    module TaskScopes
      extend ::ActiveSupport::Concern

      CURRENT = 'left join tasker_task_transitions current_transitions ' \
                'on current_transitions.task_id = tasker_tasks.task_id and current_transitions.most_recent'
      # Whatever has not ended has this flag, and there is an index of those alone.
      UNFINISHED = '(tasker_tasks.complete = false or tasker_tasks.complete is null)'
      private_constant :CURRENT, :UNFINISHED

      included do
        scope :by_annotation, lambda { |name, key, value|
          noted = TaskAnnotation.joins(:annotation_type).where(tasker_annotation_types: { name: name.to_s.strip })
          where(task_id: noted.where('annotation ->> ? = ?', key.to_s, value.to_s).select(:task_id))
        }
        # Without a state: all tasks, with `current_transitions` to select from.
        scope :by_current_state, lambda { |state = nil|
          found = joins(CURRENT)
          case state.presence&.to_s
          when nil then found
          when 'pending' then found.where(UNFINISHED).where("coalesce(current_transitions.to_state, 'pending') = 'pending'")
          else found.where(current_transitions: { to_state: state.to_s })
          end
        }
        # By statements of their own, never by joins: steps times annotations would be many rows, and in no order.
        scope :with_all_associated, lambda {
          preload({ named_task: :task_namespace }, { workflow_steps: %i[named_step parents children workflow_step_transitions] },
                  { task_annotations: :annotation_type }, :task_transitions)
        }
        scope :created_since, ->(time) { where('tasker_tasks.created_at > ?', time) }
        # As in Rails: some step of it has completed since then.
        scope :completed_since, lambda { |time|
          where(task_id: WorkflowStep.by_current_state('complete').where('current_steps.created_at > ?', time).select(:task_id))
        }
        scope :failed_since, ->(time) { by_current_state('error').where('current_transitions.created_at > ?', time) }
        # Not ended: pending or in progress. Rails asks the steps, so that a cancelled task is active there and a new one is not.
        scope :active, lambda {
          joins(CURRENT).where(UNFINISHED)
                        .where("coalesce(current_transitions.to_state, 'pending') in ('pending', 'in_progress')")
        }
        scope :in_namespace, ->(name) { joins(named_task: :task_namespace).where(tasker_task_namespaces: { name: name.to_s }) }
        scope :with_task_name, ->(name) { joins(:named_task).where(tasker_named_tasks: { name: name.to_s }) }
        scope :with_version, ->(version) { joins(:named_task).where(tasker_named_tasks: { version: version.to_s }) }
      end

      class_methods do
        def unique_task_types_count
          joins(:named_task).distinct.count('tasker_named_tasks.name')
        end
      end
    end
  end
end
