# frozen_string_literal: true

require 'minitest/autorun'
require 'treadle'
require 'treadle/testing'

Treadle.logger = Logger.new(IO::NULL)

# What the tests of this gem say often.
module TreadleTest
  # A handler whose `process` is the block, which sees task, sequence and step.
  def handler(base = Treadle::StepHandler, &work)
    Class.new(base) do
      handler_name 'a_handler'
      define_method(:process) { |*given| instance_exec(*given, &work) }
    end
  end

  # The outcome of a handler whose `process` is the block.
  def run_work(**options, &work)
    Treadle::Testing.run_handler(handler(&work), **options)
  end

  # The results of a handler that returns the value.
  def stored(value)
    outcome = run_work { |_task, _sequence, _step| value }
    assert_predicate outcome, :complete?, outcome.to_s
    outcome.results_json
  end

  # The message with which a handler that returns the value has failed.
  def refused(value, code: 'invalid_output')
    outcome = run_work { |_task, _sequence, _step| value }
    assert_equal [code, true], [outcome.code, outcome.permanent?]
    outcome.error
  end
end
