# frozen_string_literal: true

# What the benchmark of the native addon has Ruby do: as little as possible, and one millisecond of it.

class Echo < Treadle::StepHandler
  def process(task, _sequence, _step) = task.context
end

class OneMillisecond < Treadle::StepHandler
  def process(task, _sequence, _step)
    till = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 0.001
    nil while Process.clock_gettime(Process::CLOCK_MONOTONIC) < till
    task.context
  end
end
