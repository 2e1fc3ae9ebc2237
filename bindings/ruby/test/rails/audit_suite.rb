# frozen_string_literal: true

require_relative 'rails_app'

# The audit trail that the engine has written.
class AuditSuite < RailsApp::Test
  def trail(step) = step.workflow_step_transitions.order(:sort_key).to_a

  def test_descriptions_of_steps
    began, ended = trail(charge(:complete)).map(&:description)
    assert_equal 'Step execution started (attempt #1)', began
    assert_match(/\AStep completed successfully in \d+\.\d+s\z/, ended)
    assert_equal 'Step failed: the card is stolen', trail(charge(:failed)).last.description
    assert_equal 'Step failed: the bank is closed (retry scheduled)', trail(charge(:waiting)).last.description
    assert_equal 'Step cancelled due to no longer wanted', trail(charge(:cancelled)).last.description
    assert_equal 'Step manually resolved by bob', trail(charge(:helped)).last.description
    assert_equal 'Step manually resolved by bypass', trail(task(:bypassed).get_step_by_name('reserve')).last.description
  end

  def test_descriptions_of_tasks
    said = ->(name) { task(name).task_transitions.order(:sort_key).map(&:description) }
    assert_equal ['Task execution started', 'Task completed successfully'], said[:complete]
    assert_equal 'Task was cancelled: no longer wanted, by bob', said[:cancelled].last
    assert_equal 'Task encountered an error: blocked_by_failures', said[:failed].last
    assert_equal 'Task was manually resolved: by bob', said[:resolved].last
  end

  def test_backoff_is_what_the_step_waits_for
    info = trail(charge(:waiting)).last.backoff_info
    assert_equal charge(:waiting).readiness.next_retry_at.to_f, info[:backoff_until].to_f
    assert_equal [true, true], [info[:retry_available], info[:backoff_seconds] >= 3600]
    assert_equal [nil, nil], [trail(charge(:failed)).last.backoff_info, trail(charge(:complete)).last.backoff_info]
  end

  def test_metadata_for_display
    last = trail(charge(:complete)).last
    shown = last.formatted_metadata
    assert_equal ['charge', task(:complete).id, last.description, last.created_at.iso8601],
                 shown.values_at('step_name', 'task_id', 'transition_description', 'transition_timestamp')
    assert_equal [1, last.duration_since_previous], shown.values_at('attempt_number', 'duration_since_previous')
    assert_equal [nil, task(:complete)], [trail(charge(:complete)).first.duration_since_previous, last.task]
    assert_kind_of Float, task(:complete).task_transitions.last.formatted_metadata['duration_since_previous']
  end

  def test_rows_are_found_by_state_metadata_and_time
    rows = WorkflowStepTransition.for_task(task(:failed))
    assert_equal %w[charge], rows.to_state('error').map(&:step_name)
    assert_equal rows.to_state(:error).to_a, rows.with_metadata_value('code', 'permanent').to_a
    assert_equal rows.where(to_state: %w[in_progress complete error]).count, rows.for_attempt(1).count
    assert_equal [1, 0], [rows.with_metadata_key(:error_message).count, rows.with_metadata_key('x').count]
    assert_equal [rows.count, 0],
                 [rows.in_time_range(task(:failed).created_at, Time.now + 60).count,
                  rows.in_time_range(Time.now + 60, Time.now + 90).count]
    assert_equal rows.maximum(:sort_key), rows.recent.first.sort_key
    assert_equal trail(charge(:failed)).last, rows.most_recent_to_state('error')
  end

  def test_rows_say_what_they_are
    last = trail(charge(:failed)).last
    assert_equal [true, false, false, false],
                 [last.error_transition?, last.completion_transition?, last.cancellation_transition?, last.retry_transition?]
    assert_equal [true, nil, 7], [last.has_metadata?(:error_message), last.get_metadata('x'), last.get_metadata('x', 7)]
    assert_equal [true, true],
                 [trail(charge(:helped)).last.completion_transition?, trail(charge(:cancelled)).last.cancellation_transition?]
    last.set_metadata(:seen, true)
    assert_equal true, last.metadata['seen']
  end

  def test_statistics_mean_something
    rows = WorkflowStepTransition.for_task(task(:complete))
    stats = rows.statistics
    assert_equal [8, { 'in_progress' => 4, 'complete' => 4 }, 8, 0],
                 stats.values_at(:total_transitions, :states, :recent_activity, :retry_attempts)
    durations = rows.to_state('complete').map(&:execution_duration)
    assert_in_delta durations.sum / 4, stats[:average_execution_time], 0.000_01
    gaps = rows.to_state('complete').map(&:duration_since_previous)
    assert_in_delta gaps.sum / 4, stats[:average_time_between_transitions], 0.000_01
    assert_equal [2, nil],
                 [task(:complete).task_transitions.statistics[:total_transitions],
                  TaskTransition.where(task_id: -1).statistics[:average_time_between_transitions]]
  end

  def test_retries_are_counted_once_each
    Record.transaction do
      charge(:waiting).retry!(by: 'me')
      rows = WorkflowStepTransition.for_task(task(:waiting))
      assert_equal [1, ['Step initialized and ready for execution']],
                   [rows.retry_transitions.count, rows.retry_transitions.map(&:description)]
      raise ActiveRecord::Rollback
    end
  end

  def test_rows_that_other_hands_wrote_are_read_too
    row = WorkflowStepTransition.new(to_state: 'error', metadata: nil)
    assert_equal ['Step failed: Unknown error', nil, false], [row.description, row.backoff_info, row.valid?]
    row.metadata = { 'backoff_until' => 'tomorrow' }
    assert_equal [nil, 'Step failed: Unknown error'], [row.backoff_info, row.description]
    refute_predicate TaskTransition.new(to_state: 'finished', sort_key: 1), :valid?
  end
end
