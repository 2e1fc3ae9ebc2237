# frozen_string_literal: true

# Ten questions that a dashboard asks, by ActiveRecord and treadle/rails, in a process like an application's: each so many times
# (ARGV), in turn. Says in JSON how many rows came and what each time took, with the objects that ActiveRecord made of them.
require 'active_record'
require 'json'
require 'treadle/rails'

ActiveRecord::Base.establish_connection(ENV.fetch('DATABASE_URL'))
include Treadle::Rails # rubocop:disable Style/MixinUsage

DAY = 86_400
day_ago = Time.now - DAY
a_task = Task.order(task_id: :desc).offset(50).pick(:task_id) # a young one, of which some steps are done
state = Arel.sql("coalesce(current_transitions.to_state, 'pending')")

QUESTIONS = {
  'failed tasks of a namespace in the last day' => lambda {
    Task.in_namespace('shop').by_current_state('error').failed_since(day_ago).order(task_id: :desc).limit(50).to_a
  },
  'how many tasks are active' => -> { [Task.active.count] },
  'tasks by state' => -> { Task.by_current_state.group(state).count.to_a },
  'tasks of the last day by name' => -> { Task.created_since(day_ago).joins(:named_task).group('tasker_named_tasks.name').count.to_a },
  'tasks in which a step has completed in the last hour' => -> { [Task.completed_since(Time.now - 3600).count] },
  'the latest 25 tasks with their progress' => lambda {
    tasks = Task.order(task_id: :desc).limit(25).preload(named_task: :task_namespace).to_a
    progress = TaskExecutionContext.for_tasks(tasks).index_by(&:task_id)
    tasks.map { |task| [task.full_name, progress.fetch(task.id).workflow_summary] }
  },
  'a task with all that hangs on it' => lambda {
    Task.with_all_associated.find(a_task).workflow_steps.map { |step| [step.name, step.status, step.parents.map(&:name)] }
  },
  'the steps of a task with their readiness' => lambda {
    WorkflowStep.with_readiness(WorkflowStep.for_task(a_task).includes(:named_step)).map { |step| [step.name, step.ready?] }
  },
  'the graph of a task' => -> { StepDagRelationship.for_task(a_task).to_a },
  'the newest 50 failed steps with their tasks' => lambda {
    WorkflowStep.failed_since(day_ago).preload(:named_step, task: :named_task).order(workflow_step_id: :desc).limit(50)
                .map { |step| [step.task.name, step.name] }
  }
}.freeze

def timed
  began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  rows = yield
  [rows.size, (Process.clock_gettime(Process::CLOCK_MONOTONIC) - began) * 1000]
end

QUESTIONS.each_value(&:call) # classes load, plans are made
asked = QUESTIONS.transform_values { [] }
Integer(ARGV.fetch(0)).times { QUESTIONS.each { |what, question| asked[what] << timed(&question) } }
puts JSON.generate(asked.map { |what, times| { what: what, rows: times.last.first, ms: times.map(&:last) } })
