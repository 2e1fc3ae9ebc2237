# frozen_string_literal: true

# Says what something that was raised means: the Failed outcome of an attempt. Total: whatever was raised, it answers.

require_relative 'errors'
require_relative 'outcome'
require_relative 'results'

module Treadle
  # From an exception to words that can be stored.
  module Failure
    MAX_ERROR_CHARS = 8_192
    MAX_BACKTRACE_CHARS = 16_384
    MAX_RETRY_AFTER = 86_400
    MAX_CAUSES = 20

    # By name as well, so that the errors of the Rails engine mean the same, with or without treadle/tasker_compat.
    PERMANENT = %w[Treadle::PermanentError Tasker::PermanentError].freeze
    RETRYABLE = %w[Treadle::RetryableError Tasker::RetryableError].freeze

    module_function

    # `results_json` is what the handler had put into step.results.
    def of(error, results_json = nil)
      code = safely('handler_error') { code_of(error) }
      Outcome::Failed.new(
        code: code,
        permanent: code == 'permanent' || error.is_a?(DeclarationError),
        retry_after_seconds: code == 'retryable' ? safely(nil) { seconds(error.retry_after) } : nil,
        error_code: code == 'permanent' ? safely(nil) { error_code(error) } : nil,
        results_json: results_json,
        **describe(error)
      )
    end

    # `error`, `error_class` and `backtrace`, as Rails keeps them in `results`.
    def describe(error)
      error_class = storable(safely('Exception') { class_of(error) }, MAX_ERROR_CHARS)
      message = storable(safely('') { error.message.to_s }, MAX_ERROR_CHARS)
      { error: message.empty? ? error_class : message, error_class: error_class,
        backtrace: storable(safely('') { backtrace(error) }, MAX_BACKTRACE_CHARS) }
    end

    # What the author wants to have in the log beside the message.
    def context_of(error)
      context = safely({}) { error.respond_to?(:context) ? error.context : {} }
      context.is_a?(Hash) ? context : {}
    end

    def code_of(error)
      return error.failure_code if error.is_a?(DeclarationError)
      return error.timed_out? ? 'timed_out' : 'handler_error' if error.is_a?(CancelledError)

      names = error.class.ancestors.map(&:name)
      return 'permanent' if names.intersect?(PERMANENT)
      return 'retryable' if names.intersect?(RETRYABLE)

      'handler_error'
    end

    # An anonymous class is called by the nearest one above it that has a name.
    def class_of(error)
      error.class.ancestors.find { |it| it.is_a?(Class) && it.name }.name
    end

    def error_code(error)
      error.error_code && storable(error.error_code.to_s, MAX_ERROR_CHARS)
    end

    def seconds(value)
      seconds = Float(value, exception: false)
      seconds&.finite? ? seconds.clamp(0, MAX_RETRY_AFTER) : nil
    end

    # The stack of the error and of each cause below it; a long chain ends after 20.
    def backtrace(error)
      chain = []
      while error && chain.size < MAX_CAUSES && !chain.include?(error)
        chain << error
        error = error.cause
      end
      chain.map { |it| ["#{class_of(it)}: #{it.message}", *it.backtrace].join("\n") }.join("\ncaused by: ")
    end

    # At most `limit` characters that Postgres can hold.
    def storable(text, limit)
      utf8 = text.encoding == Encoding::BINARY ? text.dup.force_encoding(Encoding::UTF_8) : text
      utf8.encode(Encoding::UTF_8, invalid: :replace, undef: :replace).scrub.tr("\0", "\uFFFD")[0, limit]
    end

    # An error can be hostile: a message that raises must not cost the outcome.
    def safely(otherwise)
      yield
    rescue Exception # rubocop:disable Lint/RescueException
      otherwise
    end
  end
end
