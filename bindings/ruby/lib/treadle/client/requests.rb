# frozen_string_literal: true

require 'time'
require_relative '../results'
require_relative '../proto/client_pb'

module Treadle
  class Client
    # From what a caller gives to messages of the wire.
    module Requests
      TEXTS = %i[version initiator source_system reason identity_key].freeze

      module_function

      def task(name, context:, namespace: nil, tags: [], bypass_steps: [], run_at: nil, deadline_seconds: nil,
               trace_context: nil, **texts)
        unknown = texts.keys - TEXTS
        raise ArgumentError, "unknown keywords: #{unknown.join(', ')}" unless unknown.empty?

        request = V1::TaskRequest.new(
          name: name.to_s, namespace_name: namespace.to_s, context_json: json(context), tags: tags.map(&:to_s),
          bypass_steps: bypass_steps.map(&:to_s), run_at: instant(run_at),
          trace_context: trace_context || current_trace, **texts.compact.transform_values(&:to_s)
        )
        request.deadline_seconds = deadline_seconds.to_f unless deadline_seconds.nil?
        request
      end

      def operator(by, reason) = V1::Operator.new(by: by.to_s, reason: reason.to_s)

      # What is paused: exactly one of the three.
      def target(task_id: nil, namespace: nil, handler: nil)
        given = { task_id: task_id, namespace_name: namespace, handler: handler }.compact
        raise ArgumentError, 'expected one of task_id:, namespace:, handler:' unless given.size == 1

        V1::PauseTarget.new(**given)
      end

      def state(word)
        return :STATE_UNSPECIFIED if word.nil?

        symbol = :"STATE_#{word.to_s.upcase}"
        V1::State.resolve(symbol) ? symbol : raise(ArgumentError, "state: expected a state, got #{word.inspect}")
      end

      def json(value)
        Results.to_json_text(value)
      rescue DeclarationError => e
        raise InvalidArgumentError, e.message.sub('expected results', 'expected a value')
      end

      def instant(time)
        return '' if time.nil?

        time.is_a?(String) ? time : time.to_time.getutc.iso8601(6)
      end

      # Of the span that is current where the task is created.
      def current_trace
        return {} unless defined?(::OpenTelemetry.propagation)

        {}.tap { |carrier| ::OpenTelemetry.propagation.inject(carrier) }.slice('traceparent', 'tracestate')
      end
    end
  end
end
