# frozen_string_literal: true

module Tasker
  module StepHandler
    # The foundation of step handlers in the Rails engine, on Treadle's lifecycle: `process(task, sequence, step)` is
    # required, `process_results(step, process_output, initial_results)` can be overridden, `handle` is not for handlers.
    class Base < Treadle::StepHandler
      include Concerns::EventPublisher
      include Concerns::StructuredLogging

      abstract!

      class << self
        # Events of its own that the handler publishes: `[{ name:, description: }]`. Treadle does not need to know them.
        def custom_event_configuration = []

        # As the Rails engine: without arguments when the template has no handler_config.
        def build(config)
          config.nil? || config.empty? ? new : new(config: config)
        end

        def check_construction
          needs = instance_method(:initialize).parameters.filter_map { |kind, name| name if %i[req keyreq].include?(kind) }
          return if (needs - [:config]).empty?

          raise ArgumentError, "it is constructed with new or new(config:), but needs #{needs.join(', ')}"
        end
      end

      def initialize(config: nil)
        super()
        @config = config
      end

      # What Rails would store: objects are asked for `as_json` when ActiveSupport has given them one.
      def to_storable(object)
        return Response.to_h(object) if Response.faraday?(object)

        object.respond_to?(:as_json) ? object.as_json : object
      end

      protected

      attr_reader :config
    end
  end
end
