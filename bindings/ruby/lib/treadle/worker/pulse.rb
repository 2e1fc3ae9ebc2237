# frozen_string_literal: true

module Treadle
  class Worker
    # A thread that does the same again and again until it is stopped.
    class Pulse
      # `interval` in seconds.
      def initialize(interval, &block)
        @mutex = Mutex.new
        @stop = ConditionVariable.new
        @thread = Thread.new do
          Thread.current.name = 'treadle heartbeat'
          block.call until stopped_after?(interval)
        end
      end

      def stop
        @mutex.synchronize do
          @stopped = true
          @stop.signal
        end
      end

      private

      def stopped_after?(seconds)
        @mutex.synchronize do
          @stop.wait(@mutex, seconds) unless @stopped
          @stopped
        end
      end
    end
  end
end
