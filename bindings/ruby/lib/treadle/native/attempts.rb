# frozen_string_literal: true

require_relative '../worker/job'
require_relative '../worker/orders'
require_relative 'lanes'

module Treadle
  module Native
    # The attempts that run here, as a Worker::Session for their jobs. Each is answered exactly once, by whoever comes first:
    # its handler, or who has given it up. Safe to use from any thread.
    class Attempts
      # Orders for attempts that had ended already are never asked for: of those only the latest are kept.
      MOST_EARLY = 1_000

      def initialize(port, registry, deaf:, results_limit:, logger:)
        @port = port
        @registry = registry
        @deaf = deaf
        @results_limit = results_limit
        @logger = logger
        @mutex = Mutex.new
        @running = {}
        @early = {}
      end

      # The job of a serialised Assignment.
      def begin(message)
        assignment = V1::Assignment.decode(message)
        job = Worker::Job.new(assignment, @registry[assignment.handler], session: self, results_limit: @results_limit,
                                                                         logger: @logger)
        order = @mutex.synchronize do
          @running[job.claim_token] = job
          @early.delete(job.claim_token)
        end
        job.stop.give(*order) if order
        job
      end

      # Tells the attempt of a serialised Cancel to stop. Answers with its job; nil when it does not run (yet).
      def cancel(message)
        cancel = V1::Cancel.decode(message)
        order = Worker::Orders.of(cancel)
        job = @mutex.synchronize { @running[cancel.claim_token] || keep_early(cancel.claim_token, order) }
        job&.stop&.give(*order)
        job
      end

      # False when it has been given up: then nobody hears the answer.
      def answered(job, answer, _credits)
        taken = take(job)
        @deaf.discard(job) unless taken
        job.dropped if !taken || job.stop.answer_void?
        @port.answer(Kinds::OUTCOME, answer.to_proto) if taken
        taken
      end

      # Answers in the place of the handler. False when that has answered.
      def give_up(job)
        @deaf.add(job) # first: it may come back at any moment
        taken = take(job)
        @deaf.discard(job) unless taken
        @port.answer(Kinds::OUTCOME, Worker::Answers.released(job.claim_token).to_proto) if taken
        taken
      end

      def progress(job, fraction, message)
        @port.answer(Kinds::PROGRESS, Worker::Answers.progress(job.claim_token, fraction, message).to_proto)
      end

      private

      def take(job) = @mutex.synchronize { !@running.delete(job.claim_token).nil? }

      def keep_early(claim_token, order)
        @early[claim_token] = order
        @early.shift if @early.size > MOST_EARLY
        nil
      end
    end
  end
end
