# frozen_string_literal: true

require_relative '../proto/worker_pb'

module Treadle
  class Worker
    # What waits to be sent on one stream. gRPC takes from it in its own thread, by `each`; whatever has come meanwhile goes
    # together: one message for all outcomes, split where it would become too large.
    class Outbox
      CLOSE = :close

      # An outcome, roughly how many bytes it has, and the credits that come back with it.
      Answer = Struct.new(:outcome, :bytes, :credits)
      Credit = Struct.new(:credits)
      # Stands for the latest that an attempt has said of itself.
      Word = Struct.new(:claim_token)

      def initialize
        @queue = Thread::Queue.new
        @latest = {}
        @mutex = Mutex.new
        @max_bytes = 1024 * 1024
      end

      # Bytes that one message may have.
      attr_writer :max_bytes

      # A WorkRequest.
      def say(request) = @queue << request

      def answer(outcome, bytes, credits) = @queue << Answer.new(outcome, bytes, credits)

      def grant(credits) = @queue << Credit.new(credits)

      # How far an attempt is. Only the latest of each is kept: a handler that says much cannot fill the memory.
      def progress(progress)
        @mutex.synchronize do
          waiting = @latest.key?(progress.claim_token)
          @latest[progress.claim_token] = progress
          @queue << Word.new(progress.claim_token) unless waiting
        end
      end

      # Ends the sending half after what is waiting.
      def close = @queue << CLOSE

      def empty? = @queue.empty?

      def each(&block)
        loop do
          waiting = [@queue.pop]
          waiting << @queue.pop(true) until @queue.empty? || waiting.last == CLOSE
          closing = waiting.last == CLOSE
          waiting.pop if closing
          pack(waiting, &block)
          break if closing
        end
      end

      private

      def pack(waiting)
        answers, others = waiting.partition { |it| it.is_a?(Answer) }
        credits, requests = others.partition { |it| it.is_a?(Credit) }
        requests.each { |request| yield request.is_a?(Word) ? latest(request.claim_token) : request }
        more = credits.sum(&:credits)
        portions(answers).each { |portion| yield outcomes(portion) }
        yield V1::WorkRequest.new(credits: V1::Credits.new(additional: more)) if more.positive?
      end

      def latest(claim_token)
        V1::WorkRequest.new(progress: @mutex.synchronize { @latest.delete(claim_token) })
      end

      def outcomes(answers)
        V1::WorkRequest.new(outcomes: V1::Outcomes.new(outcomes: answers.map(&:outcome),
                                                       additional_credits: answers.sum(&:credits)))
      end

      # In groups that fit into one message.
      def portions(answers)
        bytes = 0
        answers.slice_before do |answer|
          bytes += answer.bytes
          next false if bytes <= @max_bytes

          bytes = answer.bytes
          true
        end
      end
    end
  end
end
