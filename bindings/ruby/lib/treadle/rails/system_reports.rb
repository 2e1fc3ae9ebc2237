# frozen_string_literal: true

module Treadle
  module Rails
    # Functions about all tasks. `since` is an instant (nil: the function's own, an hour or a day ago).

    # How many tasks and steps are in each state.
    class HealthCounts < FunctionRow
      columns :total_tasks, :pending_tasks, :in_progress_tasks, :complete_tasks, :error_tasks, :cancelled_tasks, :total_steps,
              :pending_steps, :in_progress_steps, :complete_steps, :error_steps, :retryable_error_steps, :exhausted_retry_steps,
              :in_backoff_steps, :active_connections, :max_connections

      def self.call = rows('get_system_health_counts_v01()').first
    end

    # Figures of the tasks that were created since then.
    class AnalyticsMetrics < FunctionRow
      columns :active_tasks_count, :total_namespaces_count, :unique_task_types_count, :system_health_score, :task_throughput,
              :completion_count, :error_count, :completion_rate, :error_rate, :avg_task_duration, :avg_step_duration,
              :step_throughput, :analysis_period_start, :calculated_at

      def self.call(since = nil) = rows('get_analytics_metrics_v01(?::timestamptz)', Instant.text(since)).first
    end

    # The tasks that took longest. (In Rails this function and the next always raise.)
    class SlowestTasks < FunctionRow
      columns :task_id, :task_name, :namespace_name, :version, :duration_seconds, :step_count, :completed_steps, :error_steps,
              :created_at, :completed_at, :initiator, :source_system

      def self.call(since: nil, limit: 10, namespace: nil, task_name: nil, version: nil)
        rows('get_slowest_tasks_v01(?::timestamptz, ?, ?, ?, ?)', Instant.text(since), limit, namespace, task_name, version)
      end
    end

    # The steps that took longest.
    class SlowestSteps < FunctionRow
      columns :workflow_step_id, :task_id, :step_name, :task_name, :namespace_name, :version, :duration_seconds, :attempts,
              :created_at, :completed_at, :retryable, :step_status

      def self.call(since: nil, limit: 10, namespace: nil, task_name: nil, version: nil)
        rows('get_slowest_steps_v01(?::timestamptz, ?, ?, ?, ?)', Instant.text(since), limit, namespace, task_name, version)
      end
    end

    # How many steps must have been done before each step of a task can run, by its id: 0 is a root.
    class DependencyLevels < FunctionRow
      columns :workflow_step_id, :dependency_level

      def self.for_task(task)
        rows('calculate_dependency_levels(?)', Record.id_of(task), order: 'dependency_level, workflow_step_id')
          .to_h { |it| [it.workflow_step_id, it.dependency_level] }
      end
    end

    # An instant with its zone: the zone of the session must not matter.
    module Instant
      def self.text(time)
        time&.to_time&.utc&.iso8601(6)
      end
    end
    private_constant :Instant
  end
end
