# frozen_string_literal: true

require_relative 'test_helper'
require 'treadle/worker/answers'
require 'treadle/worker/outbox'

class OutboxTest < Minitest::Test
  V1 = Treadle::V1

  def setup
    @outbox = Treadle::Worker::Outbox.new
  end

  def test_what_waits_goes_together_in_one_message
    @outbox.say(V1::WorkRequest.new(register: V1::Register.new(name: 'w')))
    3.times { |it| answer(it.to_s, 1) }
    @outbox.grant(2)
    assert_equal [[:register], [:outcomes, 3, 3], [:credits, 2]], sent
  end

  def test_messages_that_would_be_too_large_are_split
    @outbox.max_bytes = 1_000
    4.times { |it| answer(it.to_s, it.zero? ? 0 : 1) }
    assert_equal [[:outcomes, 2, 1], [:outcomes, 2, 2]], sent
  end

  def test_of_what_an_attempt_says_of_itself_only_the_latest_is_kept
    3.times { |it| @outbox.progress(V1::Progress.new(claim_token: 'a', fraction: it / 4.0)) }
    @outbox.progress(V1::Progress.new(claim_token: 'b', message: 'x'))
    assert_equal [[:progress, 'a', 0.5], [:progress, 'b', 0.0]], sent
  end

  def test_nothing_is_said_after_the_end
    answer('1', 0)
    @outbox.close
    answer('2', 0)
    assert_equal [[:outcomes, 1, 0]], sent
  end

  private

  def answer(token, credits)
    outcome = Treadle::Worker::Answers.of(token, Treadle::Outcome::Completed.new('"' + ('x' * 150) + '"'), 5)
    @outbox.answer(outcome, Treadle::Worker::Answers.bytes_of(outcome), credits)
  end

  # What is sent until the outbox is closed, in short.
  def sent
    @outbox.close
    @outbox.to_enum.map do |request|
      case request.message
      when :outcomes then [:outcomes, request.outcomes.outcomes.size, request.outcomes.additional_credits]
      when :credits then [:credits, request.credits.additional]
      when :progress then [:progress, request.progress.claim_token, request.progress.fraction]
      else [request.message]
      end
    end
  end
end
