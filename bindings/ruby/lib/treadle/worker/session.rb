# frozen_string_literal: true

require_relative '../proto/worker_services_pb'
require_relative 'answers'
require_relative 'job'
require_relative 'orders'
require_relative 'outbox'
require_relative 'pulse'

module Treadle
  class Worker
    # One stream to one engine, from registration to its end. Steps that are held when it breaks are told to stop: the
    # engine gives them to somebody else.
    class Session
      # `registration` is a V1::Register.
      def initialize(endpoint, registration, registry:, crew:, logger:)
        @endpoint = endpoint
        @registration = registration
        @registry = registry
        @crew = crew
        @logger = logger
        @outbox = Outbox.new
        @running = {}
        @mutex = Mutex.new
        @changed = ConditionVariable.new
      end

      attr_reader :registered

      # Speaks until the stream ends. Raises GRPC::BadStatus when it does not end well.
      def run
        channel = @endpoint.open
        stub = V1::WorkerService::Stub.new(@endpoint.target, nil, channel_override: channel)
        @outbox.say(V1::WorkRequest.new(register: @registration))
        @call = stub.work(@outbox, return_op: true, metadata: @endpoint.metadata)
        @call.execute.each { |response| hear(response) }
      ensure
        finish
        channel&.close
      end

      # Takes nothing more, and says goodbye when everything is answered. Whoever was never welcome just goes.
      def leave(reason)
        @mutex.synchronize do
          return if @leaving || @over

          @leaving = true
        end
        return cut unless @registered

        @outbox.say(V1::WorkRequest.new(drain: V1::Drain.new(reason: reason)))
        Thread.new { close_when_empty }
      end

      # Tells what runs to stop.
      def stop_jobs(reason)
        @mutex.synchronize { @running.values.each { |job| job.stop.give(reason) } }
      end

      # Breaks the stream, whatever it holds.
      def cut
        @call&.cancel
      end

      def grant(credits)
        @outbox.grant(credits) unless @leaving || @engine_stops
      end

      def progress(job, fraction, message)
        @outbox.progress(Answers.progress(job.claim_token, fraction, message))
      end

      # The answer of a job that was assigned here.
      def answered(job, answer, credits)
        credits = 0 if @leaving || @engine_stops
        @mutex.synchronize do
          @running.delete(job.claim_token)
          if @over || job.stop.answer_void?
            job.dropped
            @outbox.grant(credits) if credits.positive?
          else
            @outbox.answer(answer, Answers.bytes_of(answer), credits)
          end
          @changed.broadcast
        end
      end

      private

      def hear(response)
        case response.message
        when :registered then welcome(response.registered)
        when :assignments then response.assignments.assignments.each { |assignment| assigned(assignment) }
        when :cancel then cancel(response.cancel)
        when :refusals then @logger.info("#{response.refusals.claim_tokens.size} outcomes came too late and changed nothing")
        when :drain then engine_stops(response.drain.reason)
        end
      end

      def welcome(registered)
        @registered = registered
        @outbox.max_bytes = registered.max_message_bytes / 2 if registered.max_message_bytes.positive?
        @pulse = Pulse.new(registered.heartbeat_interval_ms / 1000.0) { beat }
        @logger.info(LogLine.new('connected', target: @endpoint.target, engine: registered.engine_id,
                                              handlers: @registration.handlers.size))
        passed_by(registered.elsewhere)
        @leaving ? cut : @crew.serve(self)
      end

      # Its other handlers are served.
      def passed_by(elsewhere)
        return if elsewhere.empty?

        others = elsewhere.map { |one| "#{one.handler} to #{one.runtime}" }.join(', ')
        @logger.warn(LogLine.new('templates send handlers past this worker', handlers: others))
      end

      def beat
        # whatever waits to be sent says that we live
        @outbox.say(V1::WorkRequest.new(heartbeat: V1::Heartbeat.new)) if @outbox.empty?
      end

      def assigned(assignment)
        job = new_job(assignment)
        taken = @mutex.synchronize { @leaving ? nil : @running[job.claim_token] = job }
        return @crew.take(job) if taken

        released = Answers.released(job.claim_token)
        @outbox.answer(released, Answers::ENVELOPE, 0)
      end

      def new_job(assignment)
        limit = @registered.max_result_bytes
        Job.new(assignment, @registry[assignment.handler], session: self, logger: @logger,
                                                           results_limit: limit.zero? ? Results::MAX_BYTES : limit)
      end

      def cancel(order)
        job = @mutex.synchronize { @running[order.claim_token] }
        job&.stop&.give(*Orders.of(order))
      end

      # It assigns nothing more: because it stops, and ends the stream when what we hold is answered; or because we asked for it.
      def engine_stops(reason)
        @logger.info(LogLine.new('the engine stops', target: @endpoint.target, reason: reason)) unless @leaving
        @mutex.synchronize do
          @engine_stops = true
          @changed.broadcast
        end
      end

      # Until the engine has answered our `drain` a step may be on its way: closing our half would lose it.
      def close_when_empty
        @mutex.synchronize { @changed.wait(@mutex) until @over || (@engine_stops && @running.empty?) }
        @outbox.close
      end

      def finish
        @crew.forget(self)
        @pulse&.stop
        lost = @mutex.synchronize do
          @over = true
          @changed.broadcast
          @running.values
        end
        lost.each { |job| job.stop.give(:stream_lost, 'the stream to the engine broke') }
        @outbox.close
      end
    end
  end
end
