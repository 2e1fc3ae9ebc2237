# frozen_string_literal: true

module Treadle
  module Native
    # What the addon numbers: messages wait in lanes (`port.next(lane, seconds = nil)`: '' when the time is up, nil at the
    # end), answers have kinds (`port.answer(kind, bytes)`). Waiting holds no lock of the VM.
    module Lanes
      JOBS = 0
      CONTROL = 2
    end

    # See Lanes.
    module Kinds
      READY = 0
      OUTCOME = 1
      PROGRESS = 2
      DEAF = 5
    end
  end
end
