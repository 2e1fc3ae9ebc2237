# frozen_string_literal: true

module Treadle
  # The W3C trace context of the task, for spans that a handler makes. Only when the application has loaded OpenTelemetry.
  module TraceContext
    module_function

    # Runs the block with the context of `carrier` ({"traceparent" => ...}) as the current one.
    def within(carrier, &block)
      context = carrier.empty? || !defined?(::OpenTelemetry::Context) ? nil : extract(carrier)
      context ? ::OpenTelemetry::Context.with_current(context, &block) : yield
    end

    # A carrier that cannot be read costs the trace, not the attempt.
    def extract(carrier)
      ::OpenTelemetry.propagation.extract(carrier)
    rescue StandardError => e
      Treadle.logger.warn("the trace context could not be read: #{e.message}")
      nil
    end
  end
end
