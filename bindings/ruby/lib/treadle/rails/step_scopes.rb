# frozen_string_literal: true

module Treadle
  module Rails
    # How steps are found, each one statement. The state is the most recent transition, and `pending` while there is none.
    module StepScopes
      extend ::ActiveSupport::Concern

      CURRENT = 'left join tasker_workflow_step_transitions current_steps ' \
                'on current_steps.workflow_step_id = tasker_workflow_steps.workflow_step_id and current_steps.most_recent'
      private_constant :CURRENT

      included do
        # Without a state: all steps, with `current_steps` to select from.
        scope :by_current_state, lambda { |state = nil|
          found = joins(CURRENT)
          case state.presence&.to_s
          when nil then found
          when 'pending' then found.where("current_steps.id is null or current_steps.to_state = 'pending'")
          else found.where(current_steps: { to_state: state.to_s })
          end
        }
        scope :completed, -> { joins(CURRENT).where(current_steps: { to_state: Law::DONE }) }
        scope :failed, -> { by_current_state('error') }
        # As in Rails: those at work too.
        scope :pending, lambda {
          joins(CURRENT).where("current_steps.id is null or current_steps.to_state in ('pending', 'in_progress')")
        }
        scope :for_task, ->(task) { where(task_id: Record.id_of(task)) }
        scope :completed_since, ->(time) { completed.where('current_steps.created_at > ?', time) }
        scope :failed_since, ->(time) { failed.where('current_steps.created_at > ?', time) }
        scope :for_tasks_since, ->(time) { where(task_id: Task.created_since(time).select(:task_id)) }
      end

      class_methods do
        # What has been done of a task, in one statement.
        def task_completion_stats(task)
          total, done, failed, latest = for_task(task).joins(CURRENT).pick(
            Arel.sql('count(*)'), Arel.sql("count(*) filter (where current_steps.to_state in ('complete', 'resolved_manually'))"),
            Arel.sql("count(*) filter (where current_steps.to_state = 'error')"), Arel.sql('max(processed_at)')
          )
          { total_steps: total, completed_steps: done, failed_steps: failed, pending_steps: total - done - failed,
            latest_completion_time: latest, all_complete: total.positive? && done == total }
        end

        # The same steps, their readiness asked for in one statement instead of one for each that is looked at.
        def with_readiness(steps)
          steps = steps.to_a
          known = StepReadinessStatus.for_tasks(steps.map(&:task_id).uniq).index_by(&:workflow_step_id)
          steps.each { |step| step.readiness = known[step.id] }
        end
      end
    end
  end
end
