# frozen_string_literal: true

# A stand-in for the coordinator of the Rails engine (gem tasker-engine 0.1.0), which cannot be installed here: when it starts a task,
# which steps it runs and what it writes are those of the engine, by its source. It starts pending tasks only, runs steps that
# get_step_readiness_status calls ready and that are pending, writes transitions as Statesman does, and decides the end by
# get_task_execution_context. What it leaves out writes nothing: events, templates, concurrency within a task.

require 'treadle/rails'

module Tasker
  class ProceduralError < StandardError; end

  # Transitions as Statesman's adapter writes them: no from_state, sort keys in steps of ten, a savepoint.
  module Statesman
    module_function

    def move(transitions, to_state, metadata = {})
      transitions.model.transaction(requires_new: true) do
        now = Time.now.utc
        last = transitions.maximum(:sort_key) || 0
        transitions.where(most_recent: true).update_all(most_recent: false, updated_at: now)
        transitions.create!(to_state: to_state, metadata: metadata, sort_key: last + 10, created_at: now, updated_at: now)
      end
    end

    def state(transitions) = transitions.where(most_recent: true).pick(:to_state) || 'pending'
  end

  # `work` is the handler of every step: it takes a step and returns its results.
  class Coordinator
    def initialize(task_id, &work)
      @task = Treadle::Rails::Task.find(task_id)
      @work = work
    end

    def handle
      start_task!
      nil while run_viable_steps && !blocked_by_errors?
      finalize
    end

    def complete? = state == 'complete'

    private

    def state = Statesman.state(@task.task_transitions)

    def start_task!
      raise ProceduralError, "task already complete for task #{@task.id}" if @task.reload.complete
      raise ProceduralError, "task is not pending for task #{@task.id}, status is #{state}" unless state == 'pending'

      Statesman.move(@task.task_transitions, 'in_progress',
                     initialization_completed: true, step_dependencies_established: @task.workflow_steps.count)
    end

    # Whether any ran: a step that waits in error is ready for the engine too, which would look at it again and again.
    def run_viable_steps
      ids = Treadle::Rails::StepReadinessStatus.for_task(@task).select(&:ready_for_execution).map(&:workflow_step_id)
      @task.workflow_steps.where(workflow_step_id: ids).to_a.map { |step| run(step) }.any?
    end

    def run(step)
      transitions = step.workflow_step_transitions
      return false unless Statesman.state(transitions) == 'pending'

      Statesman.move(transitions, 'in_progress')
      results = @work.call(step)
      step.class.transaction do
        now = Time.now.utc
        step.update!(attempts: (step.attempts || 0) + 1, last_attempted_at: now, processed: true, in_process: false,
                     processed_at: now, results: results)
        Statesman.move(transitions, 'complete')
      end
      true
    end

    def blocked_by_errors? = execution_status == 'blocked_by_failures'

    def execution_status = Treadle::Rails::TaskExecutionContext.find(@task.id).execution_status

    def finalize
      case execution_status
      when 'all_complete'
        @task.class.transaction do
          @task.update!(complete: true)
          Statesman.move(@task.task_transitions, 'complete')
        end
      when 'blocked_by_failures' then Statesman.move(@task.task_transitions, 'error')
      when 'has_ready_steps' then nil
      else Statesman.move(@task.task_transitions, 'pending')
      end
    end
  end
end
