# frozen_string_literal: true

require_relative 'test_helper'

class LifecycleTest < Minitest::Test
  include TreadleTest

  # Notes what is called in which order.
  class Noting < Treadle::StepHandler
    NOTES = []

    def before(*) = NOTES << 'before'
    def process(*) = NOTES.push('process').then { 1 }
    def process_results(step, output, initial) = NOTES.push("process_results #{output} #{JSON.generate(initial)}").then { super }
    def after(_task, _sequence, _step, outcome) = NOTES << "after #{outcome.kind} #{outcome.results_json}"
  end

  def test_the_parts_of_an_attempt_come_in_their_order
    Noting::NOTES.clear
    Treadle::Testing.run_handler(Noting, results: { a: 1 })
    assert_equal ['before', 'process', 'process_results 1 {"a":1}', 'after complete 1'], Noting::NOTES
  end

  def test_a_handler_sees_context_parents_config_and_step
    outcome = Treadle::Testing.run_handler(
      handler { |task, sequence, step| [task.context[:a], sequence.find_step_by_name(:p).results['b'], config[:c], step.attempt] },
      context: { a: { 'x' => 1 } }, parents: { 'p' => { b: 2 } }, config: { c: 3 }, attempt: 4
    )
    assert_equal [{ 'x' => 1 }, 2, 3, 4], outcome.results
  end

  def test_results_that_the_handler_has_set_are_kept
    assert_equal({ 'set' => 1 }, run_work { |_t, _s, step| step.results = { set: 1 } and 'returned' }.results)
    assert_equal({ 'put' => 1 }, run_work { |_t, _s, step| step.results[:put] = 1 and 'returned' }.results)
    assert_equal 'returned', run_work(results: { old: 1 }) { |_t, _s, step| step.results && 'returned' }.results
  end

  def test_a_permanent_error_leaves_no_attempt
    outcome = run_work { raise Treadle::PermanentError.new('declined', error_code: :card_declined) }
    assert_equal ['permanent', true, 'declined', 'card_declined'], outcome.to_h.values_at(:code, :permanent, :error, :error_code)
  end

  def test_a_retryable_error_says_when
    outcome = run_work { raise Treadle::RetryableError.new('busy', retry_after: 2.5) }
    assert_equal ['retryable', false, 2.5], outcome.to_h.values_at(:code, :permanent, :retry_after_seconds)
    assert_nil run_work { raise Treadle::RetryableError.new('busy', retry_after: Float::NAN) }.retry_after_seconds
    assert_equal 86_400, run_work { raise Treadle::RetryableError.new('busy', retry_after: 1e9) }.retry_after_seconds
  end

  def test_subclasses_of_the_two_errors_mean_the_same
    assert_equal 'permanent', run_work { raise Class.new(Treadle::PermanentError), 'no' }.code
  end

  def test_anything_else_that_is_raised_is_a_handler_error
    [-> { raise 'x' }, -> { exit }, -> { abort }, -> { raise NotImplementedError }, -> { throw :nobody }, -> { raise Interrupt },
     -> { def self.deeper = deeper; deeper }].each do |work|
      outcome = Thread.new { run_work { work.call } }.value
      assert_equal ['handler_error', false], outcome.to_h.values_at(:code, :permanent)
    end
  end

  def test_a_failure_is_described_in_words_that_can_be_stored
    outcome = run_work do
      raise "low\0level"
    rescue StandardError
      raise ArgumentError, ''
    end
    assert_equal %w[ArgumentError ArgumentError], [outcome.error, outcome.error_class]
    assert_match(/\AArgumentError: .*lifecycle_test\.rb.*caused by: RuntimeError: low\uFFFDlevel\n/m, outcome.backtrace)
    assert_equal 8_192, run_work { raise 'x' * 10_000 }.error.size
  end

  def test_an_error_with_a_hostile_message_is_still_a_failure
    hostile = Class.new(StandardError) { def message = raise('no message') }
    assert_equal %w[handler_error StandardError], run_work { raise hostile }.to_h.values_at(:code, :error)
  end

  def test_results_that_were_set_before_a_failure_are_kept_beside_it
    assert_equal({ 'so_far' => 3 }, run_work { |_t, _s, step| step.results[:so_far] = 3 and raise 'x' }.results)
    assert_nil run_work { |_t, _s, step| step.results = [1] and raise 'x' }.results
    assert_nil run_work { |_t, _s, step| step.results = { a: Object } and raise 'x' }.results
  end

  def test_a_failing_before_hook_fails_the_attempt
    failing = Class.new(Noting) { def before(*) = raise('not yet') }
    assert_equal 'not yet', Treadle::Testing.run_handler(failing).error
  end

  def test_a_failing_after_hook_changes_nothing
    failing = Class.new(Noting) { def after(*) = exit }
    assert_predicate Treadle::Testing.run_handler(failing), :complete?
  end

  def test_an_attempt_that_was_cancelled_before_it_began_does_no_work
    ran = false
    outcome = run_work(cancelled: :timed_out) { ran = true }
    assert_equal ['timed_out', false], [outcome.code, ran]
  end

  def test_a_parent_that_is_none_is_nil_or_an_error
    assert_equal 'nil', run_work { |_t, sequence, _s| sequence.find_step_by_name('x').inspect }.results
    outcome = run_work(parents: { a: {}, b: {} }) { |_t, sequence, _s| sequence.result('x') }
    assert_equal 'expected the name of a direct parent, got "x": the parents are a, b', outcome.error
  end

  def test_progress_reaches_whoever_listens
    heard = []
    run_work(on_progress: ->(*said) { heard << said }) { |_t, _s, step| step.progress(0.5, 'half') }
    assert_equal [[0.5, 'half']], heard
  end

  def test_a_transaction_needs_a_database
    assert_equal 'transaction: expected a step that runs on a database', run_work { |_t, _s, step| step.transaction { 1 } }.error
  end
end
