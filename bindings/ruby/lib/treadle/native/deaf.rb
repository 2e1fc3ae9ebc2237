# frozen_string_literal: true

require 'json'
require_relative 'lanes'

module Treadle
  module Native
    # Attempts that were given up and still run. The engine is told at each change: while one is deaf the process should be
    # restarted, for nothing inside of it can end what is deaf. Safe to use from any thread.
    class Deaf
      def initialize(port)
        @port = port
        @mutex = Mutex.new
        @jobs = {}.compare_by_identity
      end

      # It was given up.
      def add(job)
        @mutex.synchronize do
          @jobs[job] = job.handler_name
          tell
        end
      end

      # It has come back after all. Nothing when it was not given up.
      def discard(job)
        @mutex.synchronize { tell if @jobs.delete(job) }
      end

      private

      def tell = @port.answer(Kinds::DEAF, JSON.generate(handlers: @jobs.values))
    end
  end
end
