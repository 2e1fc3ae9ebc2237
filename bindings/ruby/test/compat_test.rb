# frozen_string_literal: true

require_relative 'test_helper'
require 'bigdecimal'
require 'treadle/tasker_compat'

# A handler as a Rails app has it, word for word.
module OrderProcess
  class ReserveInventoryHandler < Tasker::StepHandler::Base
    def self.custom_event_configuration
      [{ name: 'inventory.reserved', description: 'stock was put aside' }]
    end

    def process(task, sequence, step)
      order = sequence.find_step_by_name('validate_order').results
      publish_custom_event('inventory.reserved', { sku: order['sku'] })
      log_structured(:info, 'reserving', { step_name: step.name, attempts: step.attempts })
      quantity = task.context[:quantity] || config[:default_quantity]
      raise Tasker::PermanentError.new('nothing to reserve', error_code: 'EMPTY') if quantity.zero?
      raise Tasker::RetryableError.new('warehouse is busy', retry_after: 30) if quantity > 100

      { sku: order['sku'], reserved: quantity }
    end
  end
end

class CompatTest < Minitest::Test
  include TreadleTest

  HANDLER = OrderProcess::ReserveInventoryHandler
  PARENTS = { 'validate_order' => { 'sku' => 'A1' } }.freeze

  def reserve(quantity, **given)
    Treadle::Testing.run_handler(HANDLER, context: { quantity: quantity }, parents: PARENTS, **given)
  end

  def test_a_rails_handler_runs_unchanged
    assert_equal({ 'sku' => 'A1', 'reserved' => 3 }, reserve(3).results)
    assert_equal 'OrderProcess::ReserveInventoryHandler', HANDLER.handler_name
    assert_includes Treadle::StepHandler.all, HANDLER
  end

  def test_it_is_constructed_with_its_config
    assert_equal 7, reserve(nil, config: { default_quantity: 7 }).results['reserved']
    assert_equal 5, HANDLER.new(config: { a: 5 }).send(:config)[:a]
    assert_includes HANDLER.protected_instance_methods, :config
  end

  def test_its_errors_mean_what_they_meant
    assert_equal ['permanent', 'EMPTY', 'Tasker::PermanentError'], reserve(0).to_h.values_at(:code, :error_code, :error_class)
    assert_equal ['retryable', 30.0], reserve(101).to_h.values_at(:code, :retry_after_seconds)
    assert_equal 'handler_error', run_work { raise Tasker::ProceduralError, 'x' }.code
  end

  def test_the_errors_descend_from_each_other_as_in_rails
    assert_equal [Tasker::ProceduralError, Tasker::ProceduralError, Tasker::Error, Tasker::Error],
                 [Tasker::RetryableError, Tasker::PermanentError, Tasker::ProceduralError, Tasker::ConfigurationError].map(&:superclass)
    assert_equal({ a: 1 }, Tasker::RetryableError.new('x', context: { a: 1 }).context)
  end

  def test_process_results_can_be_overridden
    doubling = Class.new(HANDLER) { def process_results(step, output, _initial) = step.results = [output, output] }
    assert_equal 2, Treadle::Testing.run_handler(doubling, context: { quantity: 1 }, parents: PARENTS).results.size
  end

  def test_objects_are_stored_as_rails_stores_them
    price = Struct.new(:cents) { def as_json(*) = { 'cents' => cents } }
    assert_equal [{ 'cents' => 5 }], Treadle::Testing.run_handler(handler(Tasker::StepHandler::Base) { [price.new(5)] }).results
    assert_equal 'invalid_output', run_work { [price.new(5)] }.code
  end

  def test_the_real_gem_is_not_overwritten
    code = 'module Tasker; class Engine; end; end; begin; require "treadle/tasker_compat"; rescue => e; print e.message; end'
    said = IO.popen([RbConfig.ruby, '-I', File.expand_path('../lib', __dir__), '-e', code], &:read)
    assert_includes said, 'tasker-engine is loaded'
  end
end
