# frozen_string_literal: true

# As in an application of the Rails engine, and not changed: what test/bindings/native serves with treadle/tasker_compat.

require 'treadle/tasker_compat'

class AddsUp < Tasker::StepHandler::Base
  def process(task, _sequence, step)
    raise Tasker::PermanentError.new('nothing to add', error_code: 'EMPTY') if task.context['numbers'].empty?

    step.results = { sum: task.context['numbers'].sum }
  end
end
