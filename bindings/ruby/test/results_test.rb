# frozen_string_literal: true

require_relative 'test_helper'
require 'bigdecimal'
require 'set'

class ResultsTest < Minitest::Test
  include TreadleTest

  def test_nothing_returned_becomes_an_empty_object
    assert_equal '{}', stored(nil)
  end

  def test_plain_values_are_kept_as_they_are
    assert_equal '[1,"a",true,false,null,{"b":0.1}]', stored([1, 'a', true, false, nil, { 'b' => 0.1 }])
    assert_equal 'false', stored(false)
  end

  def test_symbols_and_keys_become_texts
    assert_equal '{"a":"b","1":2}', stored({ a: :b, 1 => 2 })
  end

  def test_times_become_iso_8601_in_utc
    assert_equal '"2026-01-31T11:00:00.000Z"', stored(Time.new(2026, 1, 31, 12, 0, 0, '+01:00'))
    assert_equal '"2026-01-31T11:00:00.000001Z"', stored(Time.utc(2026, 1, 31, 11, 0, Rational(1, 1_000_000)))
    assert_equal '"2026-01-31"', stored(Date.new(2026, 1, 31))
    assert_equal '"2026-01-31T11:00:00.000Z"', stored(DateTime.new(2026, 1, 31, 11))
  end

  def test_integers_that_are_doubles_are_stored
    [2**53, -(2**53), 2**60, 10**20, 1_152_921_504_606_847_000].each { |it| assert_equal it.to_s, stored(it) }
  end

  def test_integers_that_no_double_holds_are_refused
    [(2**53) + 1, -(2**53) - 1, 2**2000, 1_152_921_504_606_846_977].each do |integer|
      assert_includes refused({ total: integer }), 'total is an integer that no IEEE double holds exactly'
    end
  end

  def test_minus_zero_is_stored_as_zero
    assert_equal '[0,0.0]', stored([-0.0, 0.0])
  end

  def test_what_is_no_number_is_refused
    assert_includes refused({ a: Float::NAN }), 'a is NaN'
    assert_includes refused([-Float::INFINITY]), 'is -Infinity'
  end

  def test_decimals_and_other_objects_are_refused
    assert_includes refused({ price: BigDecimal('1.5') }), 'price is a BigDecimal'
    assert_includes refused(Rational(1, 3)), 'it is a Rational'
    assert_includes refused(Set[1]), 'it is a Set'
    assert_includes refused({ Object => 1 }), 'a key is a Class'
  end

  def test_texts_that_postgres_cannot_hold_are_refused
    assert_includes refused({ a: "x\0" }), 'a is a text that holds U+0000'
    assert_includes refused("\xED\xA0\x80"), 'not valid UTF-8'
    assert_includes refused("\xFF".b), 'not valid UTF-8'
    assert_includes refused({ "k\0" => 1 }), 'a key is a text that holds U+0000'
  end

  def test_texts_of_other_encodings_become_utf_8
    assert_equal '"ä€"', stored('ä€'.encode('UTF-16LE'))
    assert_equal '"ä"', stored('ä'.b)
  end

  # In a thread, as in a worker: its stack is smaller than that of the main one.
  def test_nesting_may_be_a_thousand_levels_deep
    { 2_000 => ->(inner) { [inner] }, 5_996 => ->(inner) { { a: inner } } }.each do |size, level|
      nested = ->(levels) { (levels - 1).times.reduce(level.call(0).clear) { |inner, _| level.call(inner) } }
      assert_equal size, Thread.new { stored(nested.call(1_000)) }.value.size
      assert_includes Thread.new { refused(nested.call(1_001)) }.value, 'deeper than 1000 levels'
    end
  end

  def test_what_contains_itself_is_refused
    [[].tap { |it| it << it }, {}.tap { |it| it['itself'] = it }].each do |circle|
      assert_includes Thread.new { refused(circle) }.value, 'deeper than 1000 levels'
    end
  end

  def test_results_have_a_limit_in_bytes_of_json_text
    run = ->(text) { run_work(results_limit: 10) { text } }
    assert_predicate run.call('ää1234'), :complete?
    outcome = run.call('ää12345')
    assert_equal ['results_too_large', true], [outcome.code, outcome.permanent]
    assert_includes outcome.error, 'at most 10 bytes of JSON, got 11'
  end
end
