# frozen_string_literal: true

module Treadle
  module Native
    # What becomes of attempts that were told to stop and go on: after a while they lose their slot. Their threads are left
    # to themselves until the handlers return: see StopOrder why nothing is raised into them. For one thread alone.
    class Patience
      def initialize(attempts, threads, give_up_after:, logger:)
        @attempts = attempts
        @threads = threads
        @give_up_after = give_up_after
        @logger = logger
        @told = []
      end

      # It has just been told to stop.
      def begin(job) = @told << [now + @give_up_after, job]

      # Until the patience with somebody ends; nil while nobody is waited for.
      def seconds = @told.empty? ? nil : [@told.first.first - now, 0].max

      # Gives up those that are due.
      def look
        give_up(@told.shift.last) until @told.empty? || @told.first.first > now
      end

      private

      def give_up(job)
        return unless @attempts.give_up(job)

        @threads.hire
        job.log.error('the handler does not stop: its slot is free again, and what it does goes on; ask cancelled? in loops, ' \
                      'and give blocking calls time-outs of their own')
      end

      def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end
