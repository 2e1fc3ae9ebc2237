# frozen_string_literal: true

require_relative 'test_helper'
require 'treadle/worker/answers'

class AnswersTest < Minitest::Test
  include TreadleTest

  def test_a_success_carries_its_results
    answer = answer_of(run_work { { a: 1 } })
    assert_equal ['token', 7, '{"a":1}'], [answer.claim_token, answer.duration_us, answer.completed.results_json]
  end

  def test_a_failure_carries_all_that_is_known_of_it
    outcome = run_work do |_task, _sequence, step|
      step.results = { b: 2 }
      raise Treadle::PermanentError.new('no', error_code: 'X')
    end
    failed = answer_of(outcome).failed
    assert_equal [:FAILURE_CODE_PERMANENT, 'no', 'Treadle::PermanentError', 'X', '{"b":2}'],
                 [failed.code, failed.error, failed.error_class, failed.error_code, failed.results_json]
    refute_predicate failed, :has_retry_after_seconds?
  end

  def test_a_retryable_failure_says_when
    assert_equal 2.5, answer_of(run_work { raise Treadle::RetryableError.new('x', retry_after: 2.5) }).failed.retry_after_seconds
  end

  def test_every_failure_code_has_its_word_on_the_wire
    codes = %w[handler_error retryable permanent timed_out invalid_input invalid_output results_too_large invalid_config
               unknown_handler]
    known = codes.map { |code| Treadle::Outcome::Failed.new(code: code, error: '', error_class: '', backtrace: '') }
    assert_equal codes.map { |code| :"FAILURE_CODE_#{code.upcase}" }, known.map { |it| answer_of(it).failed.code }
  end

  private

  def answer_of(outcome) = Treadle::Worker::Answers.of('token', outcome, 7)
end
