# frozen_string_literal: true

require_relative 'test_helper'

class DeclarationTest < Minitest::Test
  # Declares everything.
  class Checked < Treadle::StepHandler
    POSITIVE = lambda do |value, key|
      raise "#{key} must be positive, got #{value[key].inspect}" unless value[key].to_i.positive?

      { key => value[key].to_i }
    end

    config_schema { |value| { 'limit' => 3 }.merge(value) }
    context_schema { |value| POSITIVE.call(value, 'amount') }
    needs_schema { |value| { 'first' => POSITIVE.call(value['first'], 'total') } }
    output_schema { |value| POSITIVE.call(value, 'sum') }

    def process(task, sequence, _step)
      { sum: task.context[:amount] + sequence.result('first')[:total] + config[:limit], more: sequence.names }
    end
  end

  FIT = { context: { amount: '1' }, parents: { first: { total: '2' }, second: {} } }.freeze

  def run_checked(**given)
    Treadle::Testing.run_handler(Checked, **FIT, **given)
  end

  def test_schemas_make_of_values_what_the_handler_sees
    assert_equal({ 'sum' => 6 }, run_checked.results)
    assert_equal({ 'sum' => 8 }, run_checked(config: { limit: 5 }).results)
  end

  def test_a_parent_that_a_schema_leaves_out_stays
    seen = Class.new(Checked) { output_schema { |value| value } }
    assert_equal %w[first second], Treadle::Testing.run_handler(seen, **FIT).results['more']
  end

  def test_a_context_that_does_not_fit_is_invalid_input
    assert_permanent 'invalid_input', 'context: amount must be positive, got 0', run_checked(context: { amount: 0 })
  end

  def test_results_of_parents_that_do_not_fit_are_invalid_input
    assert_permanent 'invalid_input', 'results: total must be positive, got nil', run_checked(parents: { first: {} })
  end

  def test_a_config_that_does_not_fit_is_looked_at_first
    refusing = Class.new(Checked) { config_schema { |_| raise 'no limit' } }
    assert_permanent 'invalid_config', 'handler_config: no limit', Treadle::Testing.run_handler(refusing)
  end

  def test_an_output_that_does_not_fit_is_invalid_output
    negative = Class.new(Checked) { def process(*) = { sum: -1 } }
    assert_permanent 'invalid_output', 'output: sum must be positive, got -1', Treadle::Testing.run_handler(negative, **FIT)
  end

  private

  def assert_permanent(code, message, outcome)
    assert_equal [code, message, true], outcome.to_h.values_at(:code, :error, :permanent)
  end
end
