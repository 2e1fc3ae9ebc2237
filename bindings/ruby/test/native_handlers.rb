# frozen_string_literal: true

# What test/native_test.rb has served.

class NativeAnswers < Treadle::StepHandler
  def process(task, _sequence, _step) = { 'said' => task.context['say'] }
end

class NativeWaits < Treadle::StepHandler
  def process(_task, _sequence, step) = (step.wait_for_cancel && step.raise_if_cancelled!)
end

class NativeIsDeaf < Treadle::StepHandler
  HEARS = Thread::Queue.new

  def process(_task, _sequence, _step) = HEARS.pop
end

class NativeEndsItsThread < Treadle::StepHandler
  def process(_task, _sequence, _step) = Thread.exit
end
