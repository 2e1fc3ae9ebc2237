# frozen_string_literal: true

require_relative 'rails_app'

# What tasks need next, templates, and the reports about all tasks; and what is beside the models.
class ReportsSuite < RailsApp::Test
  CONTEXTS = { complete: ['all_complete', 'finalize_task', 'healthy', '4/4', 100.0, 'medium'],
               failed: ['blocked_by_failures', 'handle_failures', 'blocked', '2/4', 50.0, 'critical'],
               waiting: ['waiting_for_dependencies', 'wait_for_dependencies', 'recovering', '2/4', 50.0, 'low'],
               holding: ['processing', 'wait_for_completion', 'healthy', '2/4', 50.0, 'low'],
               later: ['has_ready_steps', 'execute_ready_steps', 'healthy', '0/4', 0.0, 'high'],
               cancelled: ['blocked_by_failures', 'handle_failures', 'blocked', '2/4', 50.0, 'critical'] }.freeze
  def test_tasks_say_what_they_need_next
    said = CONTEXTS.keys.to_h do |name|
      context = task(name).task_execution_context
      [name, [*context.workflow_summary.values_at(:status, :recommended_action, :health), context.progress_details[:completed_ratio],
              context.completion_percentage.to_f, context.next_action_details[:urgency]]]
    end
    assert_equal CONTEXTS, said
    assert_equal task(:failed).workflow_summary, TaskExecutionContext.find(task(:failed)).workflow_summary
    assert_raises(ActiveRecord::RecordNotFound) { TaskExecutionContext.find(-1) }
  end

  def test_the_summary_of_a_task
    assert_equal({ total_steps: 4, completed: 2, pending: 1, in_progress: 0, failed: 1, ready: 0, completion_percentage: 50,
                   status: 'blocked_by_failures', health: 'blocked', recommended_action: 'handle_failures',
                   progress_details: { completed_ratio: '2/4', completion_percentage: '50.0%', remaining_steps: 2,
                                       failed_steps: 1, ready_steps: 0 } },
                 task(:failed).workflow_summary)
    assert_equal({ action: 'handle_failures', description: '1 failed steps blocking progress', urgency: 'critical',
                   can_proceed: false },
                 task(:failed).task_execution_context.next_action_details)
  end

  QUESTIONS = %i[has_work_to_do? is_blocked? is_complete? is_healthy? needs_intervention? can_make_progress? should_reenqueue?
                 needs_immediate_action?].freeze
  def test_tasks_answer_questions
    said = %i[complete failed waiting holding later].to_h do |name|
      [name, QUESTIONS.select { |question| task(name).task_execution_context.public_send(question) }]
    end
    assert_equal({ complete: %i[is_complete? is_healthy? needs_immediate_action?],
                   failed: %i[is_blocked? needs_intervention? needs_immediate_action?], waiting: %i[should_reenqueue?],
                   holding: %i[has_work_to_do? is_healthy? should_reenqueue?],
                   later: %i[has_work_to_do? is_healthy? can_make_progress? should_reenqueue? needs_immediate_action?] }, said)
  end

  def test_templates_are_there
    latest = NamedTask.find_latest_version('shop', 'rails_order')
    assert_equal ['0.10.0', '0.10.0'], [latest.version, NamedTask.latest_versions.in_namespace('shop').map(&:version).join]
    assert_equal %w[charge reserve ship validate], latest.named_steps.map(&:name).sort
    assert_equal %w[reserve], latest.named_tasks_named_steps.select(&:skippable).map(&:name)
    assert_equal ['shop', 'rails_order', 4],
                 [*latest.config.values_at(:namespace_name, :name), latest.config[:step_templates].size]
    assert_equal [true, false], %w[0.9.0 9.9.9].map { |it| NamedTask.version_exists?('shop', 'rails_order', it) }
  end

  def test_named_tasks_are_made_once_and_their_config_never_raises
    Record.transaction do
      made = Array.new(2) { NamedTask.find_or_create_by_full_name!(name: 'by_rails', namespace_name: 'made', version: '1.2.3') }
      assert_equal ['made.by_rails@1.2.3', 1, {}], [made.first.full_name, made.map(&:id).uniq.size, made.first.reload.config]
      ["'\"{}\"'", "'\"no json\"'", "'[1]'", "'3'", 'null'].each do |written|
        Record.connection.execute("update tasker_named_tasks set configuration = #{written} where named_task_id = #{made.first.id}")
        assert_equal({}, NamedTask.find(made.first.id).config)
      end
      assert_raises(ActiveRecord::RecordInvalid) { NamedTask.find_or_create_by_full_name!(name: 'x', version: 'new') }
      raise ActiveRecord::Rollback
    end
  end

  def test_reports_about_all_tasks
    counts = HealthCounts.call
    assert_equal [Task.count, WorkflowStep.count, 1, 3, 1],
                 [counts.total_tasks, counts.total_steps, counts.error_tasks, counts.error_steps, counts.in_backoff_steps]
    metrics = AnalyticsMetrics.call(task(:complete).created_at - 1)
    assert_equal [Task.count, WorkflowStep.count, 1, 1],
                 [metrics.task_throughput, metrics.step_throughput, metrics.total_namespaces_count,
                  metrics.unique_task_types_count]
    assert_equal 0, AnalyticsMetrics.call(Time.now + 3600).task_throughput
    assert_equal [3, 'rails_order'], SlowestTasks.call(limit: 3).then { |it| [it.size, it.first.task_name] }
    slowest = SlowestSteps.call(namespace: 'shop', version: '0.9.0')
    assert_equal [[task(:old_version).id], slowest.map(&:duration_seconds).sort.reverse],
                 [slowest.map(&:task_id).uniq, slowest.map(&:duration_seconds)]
    assert_empty SlowestTasks.call(since: Time.now + 60)
  end

  # What an application with the Tasker gem has beside ours.
  module Tasker
    class Task < ActiveRecord::Base
      self.table_name = 'tasker_tasks'
    end
  end

  def test_models_of_the_tasker_gem_are_others_on_the_same_rows
    theirs = Tasker::Task.find(task(:complete).id)
    assert_equal [task(:complete).attributes, false], [theirs.attributes, theirs.is_a?(Treadle::Rails::Task)]
    assert_equal task(:complete).workflow_summary, TaskExecutionContext.find(theirs).workflow_summary
  end

  def test_the_law_is_that_of_the_engine
    { 'task' => Law::TASK, 'step' => Law::STEP }.each do |what, law|
      theirs = sql(<<~SQL, Law::STATES, %w[start complete fail cancel wait retry resolve])
        select state as from, treadle.#{what}_next_state(state, event) as to from unnest(array[?]) state, unnest(array[?]) event
      SQL
      assert_equal theirs.to_a.select { |it| it['to'] }.map(&:values).sort,
                   law.flat_map { |from, states| states.map { |to| [from, to] } }.sort
    end
  end
end
