# frozen_string_literal: true

# The errors of the Rails engine. Treadle knows PermanentError and RetryableError by these names.
module Tasker
  class Error < StandardError; end
  class ConfigurationError < Error; end
  class ProceduralError < Error; end

  # Another attempt may help, after `retry_after` seconds at the earliest when given.
  class RetryableError < ProceduralError
    attr_reader :retry_after, :context

    def initialize(message, retry_after: nil, context: {})
      super(message)
      @retry_after = retry_after
      @context = context
    end
  end

  # Trying again cannot help.
  class PermanentError < ProceduralError
    attr_reader :error_code, :context

    def initialize(message, error_code: nil, context: {})
      super(message)
      @error_code = error_code
      @context = context
    end
  end
end
