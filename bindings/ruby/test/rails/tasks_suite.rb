# frozen_string_literal: true

require_relative 'rails_app'

# Tasks: their associations, scopes and helpers, against what became of them.
class TasksSuite < RailsApp::Test
  ALL = RailsApp::CAST.keys.sort

  def test_nothing_but_activerecord_and_pg_is_loaded
    assert_empty $LOADED_FEATURES.grep(%r{/(grpc|google/protobuf|treadle/(client|worker))\b})
  end

  def test_tasks_know_what_they_are
    task = task(:complete)
    assert_equal ['rails_order', 'shop', '0.10.0', 'shop.rails_order@0.10.0'],
                 [task.name, task.namespace_name, task.version, task.full_name]
    assert_equal [{ 'charge' => 'yes' }, ['first'], 'alice', true],
                 task.attributes.values_at('context', 'tags', 'initiator', 'complete')
  end

  def test_the_state_of_a_task_is_that_of_the_engine
    RailsApp::CAST.each_value do |id|
      assert_equal value('select state from treadle.task_report(?)', id), Task.find(id).status
    end
    assert_equal %w[in_progress pending], [task(:holding).status, task(:later).status]
  end

  def test_tasks_are_found_by_their_state
    states = { 'complete' => %w[bypassed complete helped old_version], 'error' => %w[failed], 'cancelled' => %w[cancelled],
               'resolved_manually' => %w[resolved], 'in_progress' => %w[holding], 'pending' => %w[later waiting] }
    assert_equal(states, states.to_h { |state, _| [state, names(Task.by_current_state(state))] })
    assert_equal [Task.count, ALL], [Task.by_current_state.count, names(Task.by_current_state(nil))]
  end

  def test_active_tasks_have_not_ended
    assert_equal %w[holding later waiting], names(Task.active)
    assert_equal Task.active.count, Task.active.distinct.count
  end

  def test_tasks_are_found_by_their_names
    assert_equal [ALL, [], %w[old_version], ALL],
                 [names(Task.in_namespace('shop')), names(Task.in_namespace('x')), names(Task.with_version('0.9.0')),
                  names(Task.in_namespace(:shop).with_task_name('rails_order'))]
    assert_equal 1, Task.unique_task_types_count
  end

  def test_tasks_are_found_by_time
    before = task(:complete).created_at - 1
    assert_equal [ALL, []], [names(Task.created_since(before)), names(Task.created_since(Time.now + 60))]
    assert_equal [%w[failed], []], [names(Task.failed_since(before)), names(Task.failed_since(Time.now + 60))]
    assert_includes names(Task.completed_since(before)), 'failed' # some step of it has completed
    refute_includes names(Task.completed_since(before)), 'later'
    assert_empty Task.completed_since(Time.now + 60)
  end

  def test_columns_are_utc
    assert_in_delta Time.now.to_f, Record.database_time.to_f, 60
    created = "select extract(epoch from created_at at time zone 'UTC') from tasker_tasks where task_id = ?"
    assert_in_delta value(created, task(:complete).id),
                    
                    task(:complete).created_at.to_f, 0.001
  end

  def test_annotations_are_found
    note = { 'team' => "o'brien", 'level' => 2 }
    2.times { task(:complete).annotate!('owner', note) }
    assert_equal ['complete'], names(Task.by_annotation('owner', :team, "o'brien"))
    assert_equal [['complete'], []],
                 [names(Task.by_annotation('owner', 'level', 2)), names(Task.by_annotation('owner', "x') or true --", ''))]
    assert_equal ['owner', 'owner', note],
                 [task(:complete).annotation_types.first.name,
                  *task(:complete).task_annotations.first.then { |it| [it.annotation_type_name, it.annotation] }]
  ensure
    TaskAnnotation.delete_all
  end

  def test_everything_of_many_tasks_is_a_few_statements
    asked = statements do
      Task.where(task_id: RailsApp::CAST.values).with_all_associated.each do |task|
        [task.status, task.full_name, task.workflow_steps.map { |it| [it.name, it.status, it.parents.to_a, it.children.to_a] }]
      end
    end
    assert_operator asked, :<=, 13
  end
end
