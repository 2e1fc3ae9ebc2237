# frozen_string_literal: true

require_relative 'test_helper'

class StopOrderTest < Minitest::Test
  def setup
    @order = Treadle::StopOrder.new
  end

  def test_the_first_order_counts
    @order.give(:timed_out, 'too late')
    @order.give(:revoked)
    assert_equal [:timed_out, 'too late', true], [@order.reason, @order.message, @order.answer_void?]
  end

  def test_an_order_that_voids_the_answer_comes_after_one_that_does_not
    @order.give(:worker_stopping)
    assert_equal [true, false], [@order.given?, @order.answer_void?]
    @order.give(:stream_lost)
    assert_equal [:stream_lost, true], [@order.reason, @order.answer_void?]
  end

  def test_whoever_waits_is_woken
    waiting = Thread.new { @order.wait(30) }
    @order.give(:revoked)
    assert waiting.value
    refute Treadle::StopOrder.new.wait(0.001)
  end

  def test_it_is_raised_when_somebody_asks
    @order.raise_if_given!
    @order.give(:timed_out)
    assert_predicate assert_raises(Treadle::CancelledError) { @order.raise_if_given! }, :timed_out?
  end
end
