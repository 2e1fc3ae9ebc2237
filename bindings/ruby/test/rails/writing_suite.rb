# frozen_string_literal: true

require_relative 'rails_app'

# What the application writes while an engine runs: the engine notices by itself, and goes on.
class WritingSuite < RailsApp::WritingTest
  def test_a_task_is_cancelled_and_its_running_step_taken_away
    task = create('hold')
    eventually('it runs') { states(task)['charge'] == 'in_progress' }
    task.cancel!(by: 'me', reason: 'a mistake')
    eventually('its steps have ended') { states(task.reload).values_at('charge', 'ship') == %w[cancelled cancelled] }
    ends(task, 'cancelled')
    assert_equal 'Task was cancelled: a mistake, by me', task.task_transitions.recent.first.description
  end

  def test_a_step_is_cancelled_while_it_runs
    task = create('hold')
    eventually('it runs') { states(task)['charge'] == 'in_progress' }
    task.get_step_by_name('charge').cancel!(by: 'me')
    ends(task, 'error')
  end

  def test_a_failed_step_is_resolved_and_its_child_reads_the_results
    task = failed_task
    step = task.get_step_by_name('charge').resolve!(by: 'me', results: { paid: 'cash' })
    ends(task, 'complete')
    assert_equal [{ 'paid' => 'cash' }, true, 'Step manually resolved by me'],
                 [step.reload.results, step.processed, step.workflow_step_transitions.recent.first.description]
  end

  def test_a_failed_step_is_tried_again
    task = failed_task
    task.update!(context: { charge: 'yes' })
    assert_equal %w[charge], task.retry!(by: 'me').map(&:name)
    ends(task, 'complete')
    assert_equal %w[in_progress error pending in_progress complete],
                 task.get_step_by_name('charge').workflow_step_transitions.order(:sort_key).pluck(:to_state)
  end

  def test_a_step_gets_more_attempts_in_the_way_of_rails
    task = failed_task
    task.update!(context: { charge: 'yes' })
    step = task.get_step_by_name('charge')
    step.update!(retry_limit: step.attempts + 2)
    step.transition_to!(:pending)
    ends(task, 'complete')
    assert_operator step.reload.attempts, :>, 1
  end

  def test_a_step_that_waits_for_its_retry_runs_at_once
    task = create('wait')
    eventually('it waits') { task.get_step_by_name('charge').waiting_for_backoff? }
    task.update!(context: { charge: 'yes' })
    task.get_step_by_name('charge').retry!(by: 'me')
    ends(task, 'complete')
  end

  def test_a_failed_task_is_settled
    task = failed_task.resolve!(by: 'me', reason: 'never mind')
    assert_equal ['resolved_manually', 'error'], [ends(task).status, states(task)['charge']]
  end

  def test_unlawful_moves_are_refused_and_write_nothing
    task = ends(create('yes'), 'complete')
    message = assert_raises(Treadle::UnlawfulTransitionError) { task.transition_to!('pending') }.message
    assert_equal "Task #{task.id} is complete: expected a move to cancelled; came pending", message
    step = task.get_step_by_name('ship')
    assert_equal [false, false, true],
                 [step.can_transition_to?('error'), step.transition_to('pending'), task.can_transition_to?(:cancelled)]
    failed = failed_task
    assert_raises(Treadle::UnlawfulTransitionError) { failed.get_step_by_name('ship').transition_to!('in_progress') }
    assert_equal [3, 0], [task.task_transitions.count, failed.get_step_by_name('ship').workflow_step_transitions.count]
  end

  def test_rows_are_written_by_the_rules_of_statesman
    task = failed_task
    step = task.get_step_by_name('charge')
    before = step.workflow_step_transitions.recent.first
    row = step.transition_to!('resolved_manually', 'resolved_by' => 'me')
    assert_equal ['error', before.sort_key + 10, true, { 'resolved_by' => 'me' }],
                 [row.from_state, row.sort_key, row.most_recent, row.metadata]
    assert_equal [false, row.created_at], before.reload.then { |it| [it.most_recent, it.updated_at] }
    ends(task, 'complete')
  end

  def test_a_move_looks_at_the_state_of_now_whatever_the_request_has_read_before
    task = create('hold')
    eventually('it runs') { task.status == 'in_progress' }
    Task.cache do
      assert_equal 'in_progress', task.status
      Thread.new { Task.connection_pool.with_connection { Task.find(task.id).cancel!(by: 'another') } }.join
      assert_raises(Treadle::UnlawfulTransitionError) { task.transition_to!('pending') }
    end
    ends(task, 'cancelled')
  end

  # The row that another hand has written in between is in the way of the next sort_key.
  def test_a_move_that_another_hand_made_first_is_stale
    Task.transaction do
      task = task(:failed)
      last = task.task_transitions.recent.first
      TaskTransition.create!(last.attributes.except('id').merge(sort_key: last.sort_key + 10, most_recent: false))
      assert_raises(Treadle::StaleStateError) { task.transition_to!('pending') }
      assert_equal [false, 'error', last], [task.transition_to('pending'), task.status, task.task_transitions.find_by(most_recent: true)]
      raise ActiveRecord::Rollback
    end
  end

  def test_edges_that_make_circles_are_refused
    task = create('hold')
    validate, charge, ship = %w[validate charge ship].map { |it| task.get_step_by_name(it) }
    assert_match(/cycle/, assert_raises(ActiveRecord::RecordInvalid) { WorkflowStepEdge.create_edge!(ship, validate) }.message)
    assert_match(/cycle/, assert_raises(ActiveRecord::RecordInvalid) { WorkflowStepEdge.create_edge!(ship, ship) }.message)
    assert_raises(ActiveRecord::RecordInvalid) { WorkflowStepEdge.create_edge!(charge, charge(:later)) }
    assert_equal [4, 2], [WorkflowStepEdge.for_task(task).count, WorkflowStepEdge.parents_of(ship).count]
    task.cancel!(by: 'me')
  end

  def test_a_task_is_annotated
    task = create('yes')
    note = task.annotate!('seen', { 'by' => 'me' })
    assert_equal [[task], { 'by' => 'me' }],
                 [Task.by_annotation('seen', 'by', 'me').where(task_id: task.id).to_a, note.reload.annotation]
    note.destroy!
    ends(task, 'complete')
  end
end
