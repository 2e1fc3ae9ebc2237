# frozen_string_literal: true

require_relative 'story'

class TransactionTest < Story::Test
  def setup
    super
    @connection = world.connect
    @connection.exec('set client_min_messages to warning; create table if not exists notes (task_id bigint)')
    worker
  end

  def teardown
    super
    @connection&.close
  end

  %i[pg active_record].each do |driver|
    define_method("test_on_#{driver}_the_writes_and_the_step_commit_together") do
      task = ended(create(driver))
      assert_equal ['complete', { 'noted' => true }, 1], [task.state, task.step('first').results, notes(task)]
      assert_equal 'complete_step', completed_by(task)
    end

    define_method("test_on_#{driver}_what_is_raised_rolls_everything_back") do
      task = ended(create(driver, then: 'raise'))
      assert_equal ['error', 'no', 0], [task.state, task.step('first').results['error'], notes(task)]
    end

    define_method("test_on_#{driver}_a_step_that_was_taken_away_leaves_nothing") do
      task = ended(create(driver, then: 'lose'))
      assert_equal ['error', 0], [task.state, notes(task)]
      assert_equal 'Treadle::FencedError', task.step('first').results['error_class']
    end

    define_method("test_on_#{driver}_a_block_that_is_left_early_is_rolled_back") do
      task = ended(create(driver, then: 'break'))
      assert_equal ['error', 0], [task.state, notes(task)]
      assert_includes task.step('first').results['error'], 'it was left by return, break or throw'
    end
  end

  # Its pool has five, and a thread that kept one would starve the others.
  def test_connections_go_back_to_their_pool_after_each_attempt
    tasks = client.create_tasks(Array.new(12) { |it| { name: 'ruby_story', context: { do: 'active_record', nonce: it } } })
    attempts = tasks.map { |task| ended(task.task_id).step('first').attempts }
    assert_equal [1], attempts.uniq
  end

  private

  def notes(task)
    @connection.exec_params('select count(*) from notes where task_id = $1', [task.task_id]).getvalue(0, 0).to_i
  end

  def completed_by(task)
    query = "select metadata ->> 'triggered_by' from tasker_workflow_step_transitions where workflow_step_id = $1 and most_recent"
    @connection.exec_params(query, [task.step('first').workflow_step_id]).getvalue(0, 0)
  end
end
