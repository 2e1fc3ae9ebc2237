# frozen_string_literal: true

require_relative 'test_helper'

class IndifferentHashTest < Minitest::Test
  def setup
    @hash = Treadle::IndifferentHash.parse('{"a":{"b":[{"c":1}]},"d":null}')
  end

  def test_symbols_find_what_strings_find_at_every_level
    assert_equal 1, @hash[:a][:b][0][:c]
    assert_equal 1, @hash.dig(:a, 'b', 0, :c)
    assert_equal 1, @hash.fetch(:a).fetch(:b).first.fetch(:c)
    assert_equal [true, false], [@hash.key?(:d), @hash.key?(:e)]
    assert_equal [nil, 5], [@hash[:e], @hash.fetch(:e, 5)]
  end

  def test_it_equals_a_plain_hash_with_string_keys
    assert_equal({ 'a' => { 'b' => [{ 'c' => 1 }] }, 'd' => nil }, @hash)
    assert_equal %w[a d], @hash.keys
  end

  def test_what_is_put_in_under_a_symbol_is_found_under_its_string
    @hash[:x] = 1
    @hash.update(y: { z: 2 })
    assert_equal [1, 2], [@hash['x'], @hash['y']['z']]
    assert_equal %w[a d x y w], @hash.merge(w: 1).keys
  end

  def test_patterns_match_by_symbols
    @hash => { a: { b: [{ c: }] } }
    assert_equal 1, c
  end

  def test_what_is_chosen_from_it_is_indifferent_too
    chosen = [@hash.select { true }, @hash.filter { true }, @hash.reject { false }, @hash.compact, @hash.transform_values(&:itself)]
    assert_equal [1], chosen.map { |it| it[:a][:b][0][:c] }.uniq
    assert_equal [%w[a]], [@hash.compact.keys]
  end

  def test_it_becomes_a_plain_hash_of_symbols
    assert_equal({ a: { b: [{ c: 1 }] }, d: nil }, @hash.deep_symbolize_keys)
    assert_equal [Hash, %i[a d]], @hash.symbolize_keys.then { |it| [it.class, it.keys] }
  end

  def test_keys_are_taken_out_by_symbols_too
    assert_equal [%w[a], %w[d]], [@hash.slice(:a).keys, @hash.except(:a).keys]
    assert_nil @hash.delete(:d)
    assert_equal [{ 'b' => [{ 'c' => 1 }] }], @hash.values_at(:a)
  end
end
