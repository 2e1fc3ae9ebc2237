# frozen_string_literal: true

require_relative '../worker/surroundings'
require_relative 'lanes'

module Treadle
  module Native
    # The threads that run handlers. Each takes its attempts from the lane itself, so that an attempt costs one wake-up.
    class Threads
      def initialize(port, attempts)
        @port = port
        @attempts = attempts
        @mutex = Mutex.new
        @threads = []
      end

      # One more, that ends when nothing comes any more.
      def hire
        thread = Thread.new do
          Thread.current.name = 'treadle handler'
          Thread.current.report_on_exception = false
          serve
        end
        @mutex.synchronize { @threads = @threads.select(&:alive?) << thread }
      end

      # Gives those that are about to end the time to do so.
      def join(seconds)
        deadline = now + seconds
        @mutex.synchronize { @threads.dup }.each { |thread| thread.join([deadline - now, 0].max) }
      end

      private

      def serve
        in_place = true # until an attempt is given up, and its thread with it: then another one has been hired
        while in_place && (message = @port.next(Lanes::JOBS))
          # A frame in C of its own: Ruby looks for references in those of waiting threads too, and what interpreting the
          # attempt leaves in this thread's first one would keep its strings, perhaps megabytes, until the next attempt.
          1.upto(1) do
            job = @attempts.begin(message)
            message = nil
            begin
              job.run_within(Worker::Surroundings)
            ensure
              in_place = job.deliver(0)
            end
          end
        end
        ended = true
      ensure
        hire if in_place && !ended # a handler has killed its thread
      end

      def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end
