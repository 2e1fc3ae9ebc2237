# frozen_string_literal: true

# The two errors that authors of handlers raise, and the one error of the system with its closed list of codes (the same as
# core/errors.ts). Callers compare the class or `code`, never the message.

module Treadle
  # An error of the system. `code` is one of CODES; nil when the other side could not be reached or said none of them.
  class Error < StandardError
    # What the error knows as data, by name.
    attr_reader :details

    def initialize(message = nil, details: {}, code: nil)
      super(message)
      @details = details
      @code = code
    end

    # As 'unknown_task'.
    def code
      @code || self.class.code
    end

    class << self
      attr_reader :code

      # The error of a code; a plain Error when it is not on the list.
      def for_code(code, message, details: {})
        (CODES[code] || self).new(message, details: details, code: code)
      end
    end
  end

  # One class for each code that an engine can answer with: `unknown_task` is Treadle::UnknownTaskError.
  CODES = %w[
    invalid_argument invalid_template invalid_context invalid_config unknown_task unknown_template unknown_handler
    unknown_step unlawful_transition stale_state fenced schema_mismatch not_migrated no_database database_unavailable
    queue_unavailable database_error
  ].to_h do |code|
    error = Class.new(Error) { @code = code }
    [code, const_set("#{code.delete_suffix('_error').split('_').map(&:capitalize).join}Error", error)]
  end.freeze

  # Nobody answered: the engine is down, the address is wrong, TLS failed, or it took longer than the client waits.
  class UnavailableError < Error; end

  # The token is missing or unknown, or may not do this.
  class AccessError < Error; end

  # A task did not end in the time that `wait_for_task` was given.
  class WaitTimeoutError < Error; end

  # Raised by `raise_if_cancelled!`: the attempt should stop.
  class CancelledError < Error
    # True when the time-out of the step has passed.
    def timed_out?
      details[:reason] == :timed_out
    end
  end

  # Raised by a handler: trying again cannot help. No attempt is left.
  class PermanentError < StandardError
    attr_reader :error_code, :context

    # `error_code` is stored with the step, `context` goes to the log.
    def initialize(message = nil, error_code: nil, context: {})
      super(message)
      @error_code = error_code
      @context = context
    end
  end

  # Raised by a handler: try again, after `retry_after` seconds at the earliest when given (else the step's backoff).
  class RetryableError < StandardError
    attr_reader :retry_after, :context

    def initialize(message = nil, retry_after: nil, context: {})
      super(message)
      @retry_after = retry_after
      @context = context
    end
  end
end
