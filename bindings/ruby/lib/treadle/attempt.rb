# frozen_string_literal: true

require_relative 'failure'
require_relative 'log'
require_relative 'sequence'
require_relative 'step'
require_relative 'step_transaction'
require_relative 'task'
require_relative 'trace_context'

module Treadle
  # One attempt of a step: the lifecycle around a handler. It ends in exactly one Outcome, whatever the handler does; the
  # same order, codes and words as handlers/step-handler.ts.
  class Attempt
    # `config` is the template's handler_config, checked once the attempt runs.
    attr_reader :step, :config

    # `results_limit` is in bytes of JSON text; `on_progress` is called with fraction and message.
    def initialize(handler_class, task:, sequence:, step:, config:, handler_name: handler_class.handler_name,
                   stop: StopOrder.new, results_limit: Results::MAX_BYTES, trace_context: {}, logger: Treadle.logger,
                   on_progress: nil)
      @handler_class = handler_class
      @handler_name = handler_name
      @task = task
      @sequence = sequence
      @step = step
      @config = config
      @stop = stop
      @results_limit = results_limit
      @trace_context = trace_context
      @logger = logger
      @on_progress = on_progress
      step.attempt_in_charge = self
    end

    # Never raises, save for a signal to the process that strikes its main thread.
    def run
      outcome = begin
        Outcome::Completed.new(work)
      rescue Exception => e # rubocop:disable Lint/RescueException
        raise if e.is_a?(SignalException) && Thread.current == Thread.main

        failed(e)
      end
      outcome = Outcome::CompletedInTransaction.new(@committed) if @committed
      afterwards(outcome)
      outcome
    end

    def log
      @log ||= FieldLogger.new(@logger, task_id: @task.task_id, workflow_step_id: @step.workflow_step_id,
                                        handler: @handler_name, attempt: @step.attempt)
    end

    def progress(fraction, message)
      @on_progress&.call(fraction, message)
    end

    # See Step#transaction. One at a time, and none after one that committed.
    def transaction(connection)
      admit_transaction
      @in_transaction = true
      begin
        output = nil
        @committed = StepTransaction.run(connection, @step.claim_token) do |tx|
          output = yield tx
          @stop.raise_if_given!
          results_of(output)
        end
        @committed ? output : nil
      ensure
        @in_transaction = false
      end
    end

    private

    def work
      check_input
      @handler.before(@task, @sequence, @step)
      @stop.raise_if_given!
      output = TraceContext.within(@trace_context) { @handler.process(@task, @sequence, @step) }
      @committed || results_of(output)
    end

    # Checks what the handler is given against what it declared, and makes the handler.
    def check_input
      if (schema = @handler_class.config_schema)
        @config = conform(schema, @config, 'invalid_config', 'handler_config')
      end
      if (schema = @handler_class.context_schema)
        @task = @task.with_context(conform(schema, @task.context, 'invalid_input', 'context'))
      end
      check_needs(@handler_class.needs_schema) if @handler_class.needs_schema
      @handler = @handler_class.build(@config).serve(self)
    end

    # A schema may drop what it does not know; a parent that it leaves out is a parent all the same.
    def check_needs(schema)
      given = IndifferentHash.from(@sequence.steps.to_h { |parent| [parent.name, parent.results] })
      needs = conform(schema, given, 'invalid_input', 'results')
      @sequence = Sequence.new(given.merge(needs.to_h).map { |name, results| ParentStep.new(name, 'null', results) })
    end

    def conform(schema, value, code, what)
      IndifferentHash.from(Declaration.conform(schema, value, code: code, what: what))
    end

    # What `process` returned as the step's results: the JSON text that the children will read.
    def results_of(output)
      @stop.raise_if_given! if @stop.answer_void? # nobody waits for it any more
      @handler.process_results(@step, @handler.examine_output(output), @step.initial_results)
      text = storable(@step.results)
      schema = @handler_class.output_schema
      return text if schema.nil?

      # JSON first, so that the schema sees what the children will
      storable(conform(schema, IndifferentHash.parse(text), 'invalid_output', 'output'))
    end

    def storable(value)
      Results.to_json_text(value, max_bytes: @results_limit, unknown: @handler.method(:to_storable))
    end

    # What is committed stands: an error after the step's own transaction comes too late to change the outcome.
    def failed(error)
      if @committed
        log.warn('process failed after its transaction had completed the step', **Failure.describe(error))
        return Outcome::Completed.new(@committed)
      end

      meant = explained(error)
      context = Failure.context_of(meant)
      log.info('what the error was raised with', context: context) unless context.empty?
      Failure.of(meant, kept_results)
    end

    def explained(error)
      @handler && !error.is_a?(DeclarationError) ? @handler.explain_failure(@step, error) : error
    rescue Exception => e # rubocop:disable Lint/RescueException
      log.error('the explanation of a failure failed', **Failure.describe(e))
      error
    end

    # What the handler had put into step.results before it failed, when it can be stored beside the error.
    def kept_results
      return unless @handler && @step.results_changed? && @step.results.is_a?(Hash)

      storable(@step.results)
    rescue Exception # rubocop:disable Lint/RescueException
      nil
    end

    def afterwards(outcome)
      @handler&.after(@task, @sequence, @step, outcome)
    rescue Exception => e # rubocop:disable Lint/RescueException
      log.error('the after-hook failed; the outcome stands', **Failure.describe(e))
    end

    def admit_transaction
      refuse_transaction('a step that runs on a database') if @step.claim_token.nil?
      refuse_transaction('one transaction for an attempt: this step is complete already') if @committed
      refuse_transaction('one transaction at a time') if @in_transaction
    end

    def refuse_transaction(expected)
      raise InvalidArgumentError, "transaction: expected #{expected}"
    end
  end
end
