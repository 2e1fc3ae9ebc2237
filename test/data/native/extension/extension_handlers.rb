# frozen_string_literal: true

# Handlers that call an extension in C, which the test has compiled into NATIVE_TEST_EXTENSIONS.

require File.join(ENV.fetch('NATIVE_TEST_EXTENSIONS'), 'tally')

class Counts < Treadle::StepHandler
  def process(_task, _sequence, _step) = { counted: Tally.count }
end

class Refuses < Treadle::StepHandler
  def process(_task, _sequence, _step) = Tally.refuse
end

class Meets < Treadle::StepHandler
  def process(_task, _sequence, _step) = Tally.meet
end

class Holds < Treadle::StepHandler
  def process(task, _sequence, step)
    step.progress(0.5, 'holding')
    Tally.hold(task.context[:seconds])
  end
end
