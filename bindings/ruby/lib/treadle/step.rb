# frozen_string_literal: true

require_relative 'indifferent_hash'
require_relative 'stop_order'

module Treadle
  # One attempt of a step, in the hands of its handler. `results` can be set or changed in place.
  class Step
    # `attempt` is 1 for the first. `claim_token` goes to `treadle.complete_step`; nil where there is no database.
    attr_reader :workflow_step_id, :name, :attempt, :retry_limit, :claim_token

    def initialize(workflow_step_id:, name:, attempt: 1, retry_limit: 1, inputs_json: '', results_json: '',
                   claim_token: nil, stop: StopOrder.new)
      @workflow_step_id = workflow_step_id
      @name = name
      @attempt = attempt
      @retry_limit = retry_limit
      @inputs_json = inputs_json
      @results_json = results_json
      @claim_token = claim_token
      @stop = stop
      @touched = false
    end

    alias id workflow_step_id

    # Set by the attempt: answers what `progress` and `transaction` of this step ask for.
    attr_writer :attempt_in_charge

    # As Rails counts: executions that ended before this one.
    def attempts = attempt - 1

    # Inputs of the step; empty when they are the context of the task.
    def inputs
      @inputs ||= IndifferentHash.parse(@inputs_json)
    end

    # What children will read. Before the handler sets it: what an earlier attempt left behind.
    def results
      unless @touched
        @touched = true
        @results = IndifferentHash.parse(@results_json) # a copy of its own: the reader may change it in place
      end
      @results
    end

    def results=(value)
      @touched = true
      @results = value
    end

    # What an earlier attempt left behind, as it was when this attempt began.
    def initial_results
      @initial_results ||= IndifferentHash.parse(@results_json)
    end

    # Whether the handler made `results` something else than what an earlier attempt had left.
    def results_changed?
      @touched && @results != initial_results
    end

    # Whether the attempt should stop: its time is up, its step was taken away, or the process ends. Long work looks here.
    def cancelled? = @stop.given?

    # Why; nil while the attempt may go on.
    def cancel_reason = @stop.reason

    # Waits until the attempt should stop, at most `seconds`: a sleep that ends early. Answers whether it should.
    def wait_for_cancel(seconds = nil) = @stop.wait(seconds)

    # Raises CancelledError when the attempt should stop.
    def raise_if_cancelled! = @stop.raise_if_given!

    # Says how far the attempt is, from 0 to 1 (nil: unknown), to whoever watches the task. Nothing is stored.
    def progress(fraction, message = '')
      @attempt_in_charge&.progress(fraction, message)
      nil
    end

    # Runs the block in a database transaction that completes this step with what the block returns: its writes, the
    # results and the start of the children happen together, exactly once, or not at all. See StepTransaction.
    def transaction(connection = nil, &block)
      raise InvalidArgumentError, 'transaction: expected a block' unless block
      raise InvalidArgumentError, 'transaction: expected a step inside of process' unless @attempt_in_charge

      @attempt_in_charge.transaction(connection, &block)
    end
  end
end
