# frozen_string_literal: true

require_relative '../attempt'
require_relative 'answers'

module Treadle
  class Worker
    # One assigned attempt in this process: from the message of the engine to the answer.
    class Job
      attr_reader :session, :claim_token, :stop

      # `handler_class` is nil when this worker does not serve the handler.
      def initialize(assignment, handler_class, session:, results_limit:, logger:)
        @assignment = assignment
        @handler_class = handler_class
        @session = session
        @results_limit = results_limit
        @logger = logger
        @claim_token = assignment.claim_token
        @stop = StopOrder.new
      end

      def run
        @started = now
        @outcome = @handler_class ? attempt.run : Failure.of(unknown_handler)
        @ended = now
      end

      def handler_name = @assignment.handler

      # The same within `surroundings`, and whatever happens: after it there is an outcome.
      def run_within(surroundings)
        done = false
        surroundings.around { run }
        done = true
      rescue Exception => e # rubocop:disable Lint/RescueException
        abandon(e) # what surrounds the handler has failed
        done = true
      ensure
        abandon(nil) unless done
      end

      # The handler has killed its thread (nil), or what surrounds it has failed: that is the attempt's failure.
      def abandon(error)
        @ended = now
        @outcome ||= Failure.of(error || ThreadError.new('the handler has ended its thread'))
      end

      # Hands the answer over, with `credits`; answers as `session` does.
      def deliver(credits)
        log_end
        @session.answered(self, Answers.of(@claim_token, @outcome, ((@ended - @started) * 1_000_000).round), credits)
      end

      def log
        @log ||= FieldLogger.new(@logger, task_id: @assignment.task.task_id, workflow_step_id: @assignment.workflow_step_id,
                                          handler: @assignment.handler, attempt: @assignment.attempt)
      end

      # An answer that comes too late to count.
      def dropped
        if @outcome.failed? && @outcome.error_class == 'Treadle::CancelledError'
          return log.debug('the handler stopped as it was told to')
        end

        words = { timed_out: 'after its timeout', revoked: 'after its step had been taken away' }
        log.warn("the handler answered #{words.fetch(@stop.reason, 'after its stream had broken')}; dropped")
      end

      private

      def attempt
        given = @assignment
        Attempt.new(@handler_class, task: task(given.task), step: step(given), stop: @stop, sequence: sequence(given.parents),
                                    config: IndifferentHash.parse(given.handler_config_json),
                                    handler_name: given.handler, results_limit: @results_limit, logger: @logger,
                                    trace_context: given.trace_context.to_h, on_progress: method(:progress))
      end

      def task(given)
        Task.new(task_id: given.task_id, namespace_name: given.namespace_name, name: given.name, version: given.version,
                 context_json: given.context_json, initiator: given.initiator, source_system: given.source_system,
                 reason: given.reason, tags_json: given.tags_json, requested_at: given.requested_at)
      end

      def step(given)
        Step.new(workflow_step_id: given.workflow_step_id, name: given.step_name, attempt: given.attempt,
                 retry_limit: given.retry_limit, inputs_json: given.inputs_json, results_json: given.results_json,
                 claim_token: @claim_token, stop: @stop)
      end

      def sequence(parents)
        Sequence.new(parents.map { |parent| ParentStep.new(parent.step_name, parent.results_json) })
      end

      def progress(fraction, message)
        @session.progress(self, fraction, message) unless @stop.answer_void?
      end

      def unknown_handler
        DeclarationError.new('unknown_handler', "expected a registered handler, got \"#{@assignment.handler}\"")
      end

      def log_end
        @started ||= @ended
        return if @stop.answer_void?

        if @outcome.failed?
          log.warn("failed: #{@outcome.code}", error: @outcome.error, error_class: @outcome.error_class)
        else
          log.debug('complete', seconds: (@ended - @started).round(6)) if @logger.debug?
        end
      end

      def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end
