# frozen_string_literal: true

require_relative 'story'

class WorkerTest < Story::Test
  def test_a_chain_runs_through
    worker
    task = ended(create)
    assert_equal 'complete', task.state
    assert_equal ['hello', 1], task.step('first').results.values_at(:greeting, :attempt)
    assert_equal task.step('first').results, task.step('second').results['first']
  end

  def test_steps_run_in_as_many_threads_as_there_are
    worker('--concurrency', '4')
    tasks = Array.new(4) { create(:wait) }
    tasks.each { |task_id| wait_for_progress(task_id, 'waiting') }
    tasks.each { |task_id| client.cancel_task(task_id) }
  end

  def test_a_cancelled_handler_is_told_and_its_slot_comes_back
    worker('--concurrency', '1')
    task_id = create(:wait)
    wait_for_progress(task_id, 'waiting')
    assert_equal({ cancelled_steps: 2, running_steps: 1 }, client.cancel_task(task_id))
    assert_equal 'complete', ended(create).state
  end

  def test_a_handler_that_kills_its_thread_fails_and_the_next_one_runs
    worker('--concurrency', '1')
    first = ended(create(:kill_thread)).step('first')
    assert_equal [2, 'the handler has ended its thread'], [first.attempts, first.results['error']]
    assert_equal 'complete', ended(create).state
  end

  def test_sigterm_lets_running_steps_end
    leaving = worker
    task_id = create(:sleep, seconds: 0.5)
    client.watch_task(task_id).find { |it| it.is_a?(Treadle::Client::StepDetails) && it.state == 'in_progress' }
    assert_equal 0, leaving.end_by(:TERM)
    assert_equal 'complete', client.get_task(task_id).step('first').state
    worker
    assert_equal [1, 'complete'], [ended(task_id).step('first').attempts, ended(task_id).state]
  end

  def test_after_its_grace_a_step_is_told_to_stop_and_runs_again_elsewhere
    leaving = worker('--grace', '0.1')
    task_id = create(:wait)
    wait_for_progress(task_id, 'waiting')
    assert_equal 0, leaving.end_by(:TERM)
    assert_equal 'the attempt should stop: worker stopping', client.get_task(task_id).step('first').results['error']
    client.cancel_task(task_id)
  end

  def test_a_second_signal_ends_it_at_once
    leaving = worker
    task_id = create(:wait)
    wait_for_progress(task_id, 'waiting')
    leaving.kill(:INT)
    sleep 0.01 until leaving.said.include?('a signal came')
    assert_equal 130, leaving.end_by(:INT)
    client.cancel_task(task_id)
  end

  def test_when_its_engine_dies_it_goes_on_with_another
    dying = engine(world.socket('dying'))
    moving = worker('--target', world.target, target: world.socket('dying'))
    dying.end_by(:KILL)
    assert_equal 'complete', ended(create).state
    assert_includes moving.said, 'disconnected'
  end

  def test_an_engine_that_stops_sends_it_to_another_without_loss
    stopping = engine(world.socket('stopping'))
    worker('--target', world.target, target: world.socket('stopping'))
    task_id = create(:sleep, seconds: 0.5)
    client.watch_task(task_id).find { |it| it.is_a?(Treadle::Client::StepDetails) && it.state == 'in_progress' }
    stopping.end_by(:TERM)
    assert_equal [1, 'complete'], [ended(task_id).step('first').attempts, ended(task_id).state]
  end

  def test_whoever_is_not_let_in_is_told_in_one_line
    tokens = File.join(world.folder, 'tokens.json')
    File.write(tokens, JSON.generate([{ name: 'w', role: 'worker', token: 'secret-of-the-test-worker', handlers: ['Story::*'] }]))
    engine(world.socket('guarded'), 'TREADLE_GRPC_TOKENS' => tokens)
    refused = worker('--token', 'wrong', '--log-level', 'error', target: world.socket('guarded'), ready: /treadle-worker:/)
    assert_equal 1, refused.wait
    assert_match(/^treadle-worker: .*guarded.sock: .*token/, refused.said)
    worker('--token', 'secret-of-the-test-worker', target: world.socket('guarded'))
  end
end
