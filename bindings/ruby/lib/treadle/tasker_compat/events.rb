# frozen_string_literal: true

module Tasker
  # What step handlers mix in.
  module Concerns
    # Events of the Rails engine become lines of the log: those about tasks and steps the engine publishes by itself.
    module EventPublisher
      STEP_EVENTS = %i[
        publish_step_event publish_step_started publish_step_before_handle publish_step_completed publish_step_failed
        publish_step_retry_requested publish_step_cancelled publish_step_backoff
      ].freeze
      OTHER_EVENTS = %i[
        publish_task_event publish_task_started publish_task_completed publish_task_failed publish_task_cancelled
        publish_task_retry_requested publish_workflow_event publish_workflow_task_started
        publish_workflow_step_completed publish_viable_steps_discovered publish_no_viable_steps
      ].freeze

      # An event of the application's own.
      def publish_custom_event(name, payload = {}, **more)
        fields = (payload || {}).to_h.merge(more).transform_keys { |key| key.to_s.to_sym }
        log.info("event #{name}", payload: fields)
        nil
      end

      def publish_event(name, payload = {}, **more)
        publish_custom_event(name, payload, **more)
      end

      (STEP_EVENTS + OTHER_EVENTS).each do |event|
        define_method(event) do |*_subjects, **facts|
          log.debug(event.to_s, **facts.transform_values(&:to_s))
          nil
        end
      end
    end

    # `log_structured(:info, 'charged', amount: 3)`, into the log of the attempt.
    module StructuredLogging
      LEVELS = %i[debug info warn error fatal].freeze

      def log_structured(level, message, context = {}, **more)
        known = LEVELS.include?(level.to_sym) ? level.to_sym : :info
        log.public_send(known, message, **context.to_h.merge(more).transform_keys { |key| key.to_s.to_sym })
        nil
      end

      def log_exception(error, context: {}, level: :error)
        log_structured(level, error.message, { error_class: error.class.name, **context })
      end
    end
  end
end
