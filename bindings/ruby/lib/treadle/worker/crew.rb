# frozen_string_literal: true

module Treadle
  class Worker
    # The threads that run handlers, and the account of credits: so many are granted as threads are free. A thread whose
    # attempt was cancelled is busy until its handler returns; only then its credit comes back, to whatever stream is open
    # by then. Jobs answer to `run_within(surroundings)`, `session` and `deliver(credits)`.
    class Crew
      attr_reader :size

      def initialize(size, surroundings)
        @size = size
        @surroundings = surroundings
        @jobs = Thread::Queue.new
        @mutex = Mutex.new
        @idle = ConditionVariable.new
        @busy = 0
        size.times { hire }
      end

      # From now on credits go to this stream, which is told how many threads are free.
      def serve(session)
        @mutex.synchronize do
          @session = session
          session.grant(@size - @busy) if @busy < @size
        end
      end

      def forget(session)
        @mutex.synchronize { @session = nil if @session.equal?(session) }
      end

      def take(job)
        @mutex.synchronize { @busy += 1 }
        @jobs << job
      end

      def busy = @mutex.synchronize { @busy }

      # Waits until nobody works, at most `seconds`; answers whether that is so.
      def wait_until_idle(seconds)
        deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
        @mutex.synchronize do
          while @busy.positive?
            left = deadline - Process.clock_gettime(Process::CLOCK_MONOTONIC)
            break if left <= 0

            @idle.wait(@mutex, left)
          end
          @busy.zero?
        end
      end

      # Threads end when they are free.
      def dismiss = @jobs.close

      private

      def hire
        Thread.new do
          Thread.current.name = 'treadle handler'
          Thread.current.report_on_exception = false
          serve_jobs
        end
      end

      def serve_jobs
        working = false
        while (job = @jobs.pop)
          working = true
          work_on(job)
          working = false
        end
      ensure
        hire if working # a handler has killed its thread
      end

      def work_on(job)
        job.run_within(@surroundings)
      ensure
        release(job)
      end

      # Under one lock with `serve`: no credit is granted twice, or never.
      def release(job)
        @mutex.synchronize do
          @busy -= 1
          same = @session.equal?(job.session)
          job.deliver(same ? 1 : 0)
          @session&.grant(1) unless same
          @idle.broadcast if @busy.zero?
        end
      end
    end
  end
end
