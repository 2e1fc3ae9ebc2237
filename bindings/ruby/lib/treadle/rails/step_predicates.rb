# frozen_string_literal: true

module Treadle
  module Rails
    # What a step is and may, as the readiness function says it: one question, remembered until the step is reloaded or moved.
    # WorkflowStep.with_readiness asks for many at once.
    module StepPredicates
      attr_writer :readiness

      def readiness
        @readiness ||= StepReadinessStatus.for_task(task_id, [id]).first ||
                       raise(::ActiveRecord::RecordNotFound, "there is no step #{id}")
      end
      alias step_readiness_status readiness

      def complete? = Law::DONE.include?(readiness.current_state)
      def in_progress? = readiness.current_state == 'in_progress'
      def pending? = readiness.current_state == 'pending'
      def in_error? = readiness.current_state == 'error'
      def cancelled? = readiness.current_state == 'cancelled'

      # May become ready by itself: it has not ended.
      def ready_status? = %w[pending error].include?(readiness.current_state)
      # An engine may run it now.
      def ready? = readiness.ready_for_execution
      def dependencies_satisfied? = readiness.dependencies_satisfied
      def retry_eligible? = readiness.retry_eligible
      def has_retry_attempts? = readiness.attempts.positive? # rubocop:disable Naming/PredicateName
      def retry_exhausted? = readiness.attempts >= readiness.retry_limit
      def waiting_for_backoff? = readiness.waiting_for_backoff?
      def can_retry_now? = in_error? && readiness.ready_for_execution
      def root_step? = readiness.total_parents.zero?
      def leaf_step? = outgoing_edges.empty?

      def reload(*)
        @readiness = nil
        super
      end
    end
  end
end
