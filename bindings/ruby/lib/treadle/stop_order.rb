# frozen_string_literal: true

require_relative 'errors'

module Treadle
  # The order to stop, as one attempt gets it: its time is up, its step was taken away, the stream broke, or the engine or
  # the worker stops. It is a flag to look at. Nothing is raised into the handler's thread: Thread#raise can strike in an
  # `ensure`, in the middle of a driver's protocol or while a lock is held, and leave all of them broken for the next step.
  class StopOrder
    # Reasons after which an answer still counts.
    STILL_COUNTS = %i[engine_stopping worker_stopping].freeze

    # One of :timed_out, :revoked, :engine_stopping, :worker_stopping, :stream_lost; nil while the attempt may go on.
    attr_reader :reason, :message

    def initialize
      @mutex = Mutex.new
      @given = ConditionVariable.new
    end

    # The first order counts, save that one which voids the answer comes after one that does not.
    def give(reason, message = nil)
      @mutex.synchronize do
        next if @reason && (answer_void? || STILL_COUNTS.include?(reason))

        @message = message || reason.to_s.tr('_', ' ')
        @reason = reason
        @given.broadcast
      end
    end

    def given?
      !@reason.nil?
    end

    # Whether nobody waits for the answer any more.
    def answer_void?
      !@reason.nil? && !STILL_COUNTS.include?(@reason)
    end

    # Waits until the order is given, at most `seconds`; answers whether it was.
    def wait(seconds = nil)
      until_then = seconds && (Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds)
      @mutex.synchronize do
        until given?
          left = until_then && (until_then - Process.clock_gettime(Process::CLOCK_MONOTONIC))
          break if left && left <= 0

          @given.wait(@mutex, left)
        end
      end
      given?
    end

    def raise_if_given!
      raise CancelledError.new("the attempt should stop: #{@message}", details: { reason: @reason }) if given?
    end
  end
end
