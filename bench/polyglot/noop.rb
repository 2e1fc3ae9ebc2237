# frozen_string_literal: true

# Does nothing and says so, on a thread of the worker's crew.
class NoopHandler < Treadle::StepHandler
  def process(_task, _sequence, _step)
    { ok: true }
  end
end
