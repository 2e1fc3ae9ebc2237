# frozen_string_literal: true

require_relative 'test_helper'

class RegistryTest < Minitest::Test
  include TreadleTest

  # A parent of handlers, and one of them.
  class Parent < Treadle::StepHandler; end

  class Child < Parent
    def process(*) = nil
  end

  def test_handlers_are_called_by_their_class_or_as_they_say
    assert_equal %w[RegistryTest::Child a_handler], Treadle::Registry.new([Child, handler {}]).names
    assert_equal Child, Treadle::Registry.new('Order::Ship' => Child)['Order::Ship']
  end

  def test_all_concrete_classes_are_found
    assert_includes Treadle::StepHandler.all, Child
    refute_includes Treadle::StepHandler.all, Parent
  end

  def test_what_is_wrong_with_a_class_is_said_at_once
    { 'extends' => String, 'a method process' => Parent, 'a name' => Class.new(Child), 'cannot be overridden' => overriding,
      'without arguments: other' => needing }.each do |words, wrong|
      error = assert_raises(Treadle::InvalidArgumentError) { Treadle::Registry.new([wrong]) }
      assert_includes error.message, words
    end
  end

  def test_a_name_has_one_class
    error = assert_raises(Treadle::InvalidArgumentError) { Treadle::Registry.new([handler {}, handler {}]) }
    assert_includes error.message, 'expected one class for a name'
  end

  private

  def overriding
    handler {}.tap { |it| it.define_method(:handle) {} }
  end

  def needing
    handler {}.tap { |it| it.define_method(:initialize) { |other| other } }
  end
end
