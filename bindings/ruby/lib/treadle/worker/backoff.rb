# frozen_string_literal: true

module Treadle
  class Worker
    # How long to wait before the next try to connect: longer with each failure, and never the same for a crowd of workers.
    class Backoff
      FIRST = 0.1
      LONGEST = 10.0

      def initialize(random = Random.new)
        @random = random
        @failures = 0
      end

      def reset = @failures = 0

      # Seconds.
      def next
        delay = [FIRST * (2**[@failures, 10].min), LONGEST].min
        @failures += 1
        delay * @random.rand(0.5..1.0)
      end
    end
  end
end
