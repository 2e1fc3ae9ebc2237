# frozen_string_literal: true

require_relative 'test_helper'
require 'stringio'

class LogTest < Minitest::Test
  include TreadleTest

  def test_lines_of_an_attempt_say_whose_they_are
    lines = logged { log.info('reserved', quantity: 3) }
    assert_match(/reserved task_id=1 workflow_step_id=1 handler=a_handler attempt=1 quantity=3$/, lines)
  end

  def test_json_has_a_key_for_each_field
    line = JSON.parse(logged(Treadle::JsonFormatter.new) { log.warn('odd', why: "a\nb") })
    assert_equal ['warn', 'odd', 1, "a\nb"], line.values_at('level', 'msg', 'task_id', 'why')
  end

  def test_nothing_is_made_of_lines_that_nobody_reads
    assert_empty logged { log.debug { raise 'made' } }
  end

  private

  def logged(formatter = nil, &work)
    output = StringIO.new
    before = Treadle.logger
    Treadle.logger = Logger.new(output, level: Logger::INFO, formatter: formatter)
    run_work(&work)
    output.string
  ensure
    Treadle.logger = before
  end
end
