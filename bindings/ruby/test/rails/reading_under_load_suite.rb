# frozen_string_literal: true

require_relative 'rails_app'

# Read again and again while the engine writes: in one snapshot the models and the engine's own reports say the same.
class ReadingUnderLoadSuite < RailsApp::Test
  ROUNDS = 5
  MOVED = 'select count(*) from tasker_task_transitions'

  def test_the_engine_is_at_work_meanwhile
    before = value(MOVED)
    eventually('the engine writes') { value(MOVED) > before }
  end

  def test_tasks_by_state_are_those_of_the_engine
    compared do
      theirs = sql('select state, tasks from treadle.count_tasks(null, null, null)').cast_values.to_h
      assert_equal theirs.reject { |_, tasks| tasks.zero? },
                   Law::STATES.to_h { |it| [it, Task.by_current_state(it).count] }.reject { |_, n| n.zero? }
      assert_equal theirs.values.sum, Task.by_current_state.count
    end
  end

  def test_steps_by_state_are_those_of_the_engine
    compared do
      newest = Task.order(task_id: :desc).limit(20).to_a
      report = 'select workflow_step_id, state from treadle.task_report_steps(?)'
      theirs = newest.flat_map { |it| sql(report, it.id).cast_values }.to_h
      assert_equal theirs,
                   WorkflowStep.where(task_id: newest.map(&:id)).includes(:workflow_step_transitions).to_h { |it| [it.id, it.status] }
      found = Law::STATES.flat_map do |state|
        WorkflowStep.where(task_id: newest).by_current_state(state).map { |it| [it.id, state] }
      end
      assert_equal theirs, found.to_h
    end
  end

  def test_readiness_is_what_the_engine_would_do
    compared do
      steps = WorkflowStep.with_readiness(WorkflowStep.where(task_id: Task.order(task_id: :desc).limit(20).select(:task_id)))
      verdicts = verdicts_of(steps)
      steps.each { |step| assert_equal(%w[ready running].include?(verdicts[step.id]), true, step.inspect) if step.ready? }
      steps.each { |step| assert_equal verdicts[step.id] == 'done', step.complete?, step.inspect }
    end
  end

  def test_contexts_count_the_steps_that_are_there
    compared do
      tasks = Task.order(task_id: :desc).limit(50).includes(workflow_steps: :workflow_step_transitions).to_a
      contexts = TaskExecutionContext.for_tasks(tasks).index_by(&:task_id)
      tasks.each do |task|
        done = task.workflow_steps.count { |it| Law::DONE.include?(it.status) }
        assert_equal [task.workflow_steps.size, done, task.status],
                     contexts[task.id].to_h.values_at(:total_steps, :completed_steps, :status)
      end
    end
  end

  def test_health_counts_are_those_of_the_scopes
    compared do
      counts = HealthCounts.call
      %w[pending in_progress complete error cancelled].each do |state|
        assert_equal Task.by_current_state(state).count, counts["#{state}_tasks"]
      end
      assert_equal WorkflowStep.failed.count, counts.error_steps
    end
  end

  private

  def compared(&block)
    ROUNDS.times { snapshot(&block) }
  end

  def verdicts_of(steps)
    asked = "select workflow_step_id, verdict from treadle.step_verdicts(array[?]::bigint[], now() at time zone 'UTC')"
    sql(asked, steps.map(&:id)).cast_values.to_h
  end
end
