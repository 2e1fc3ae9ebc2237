# frozen_string_literal: true

module Treadle
  module Rails
    # Mixed fleets, the side of the Rails engine: which tasks its jobs must leave to Treadle, and which Treadle leaves to it.
    # Needs nothing of Treadle but its schema; without that schema everything runs in Rails.
    module Fleet
      # Its jobs leave tasks that run in Treadle alone: one that was on its way when the choice was made drops its task with a line in
      # the log, and Treadle looks at it. Safe to call again, as with `config.to_prepare`. Answers with the class.
      #
      #   Treadle::Rails::Fleet.guard!(Tasker::TaskRunnerJob)
      def self.guard!(job_class)
        job_class.prepend(Guard) unless job_class.include?(Guard)
        job_class
      end

      # Whether this task runs in Treadle, which looks at it now if so. A role that does not own the schema needs `usage` on it.
      def self.keep_from_rails?(task_id)
        Record.connection.select_value(Record.sanitize_sql_array(['select treadle.keep_from_rails(?)', Record.id_of(task_id)]))
      rescue ::ActiveRecord::StatementInvalid => e
        raise unless [PG::InvalidSchemaName, PG::UndefinedFunction].any? { |absent| e.cause.is_a?(absent) }

        false
      end

      # In front of `perform(task_id, ...)`.
      module Guard
        def perform(task_id, *)
          return super unless Fleet.keep_from_rails?(task_id)

          logger&.info("task #{task_id} runs in Treadle; #{self.class.name} leaves it alone") if respond_to?(:logger)
        end
        ruby2_keywords(:perform)
      end
      private_constant :Guard
    end

    # Enqueues the tasks that Treadle has for the Rails engine: those whose named task was chosen for it, and new ones. For a cron or a
    # rake task, where no engine of Treadle has the Sidekiq of Rails as TREADLE_RAILS_QUEUE. The earliest first, and those that
    # are due within `ahead` seconds (later ones with `wait_until`). Rows and jobs go in one transaction: at least once. How many.
    def self.take_over_tasks(job: ::Tasker::TaskRunnerJob, limit: 500, ahead: 0)
      taken = Record.transaction { Outbox.hand_over(job, limit, ahead) }
      taken < limit ? taken : taken + take_over_tasks(job: job, limit: limit, ahead: ahead)
    end

    # The rows of treadle.tasks_for_rails.
    module Outbox
      def self.hand_over(job, limit, ahead)
        sql = ['select task_id, run_at, delay_ms from treadle.take_tasks_for_rails(?, make_interval(secs => ?))', limit, ahead.to_f]
        rows = Record.connection.select_all(Record.sanitize_sql_array(sql)).to_a
        rows.each do |row|
          row['delay_ms'].zero? ? job.perform_later(row['task_id']) : job.set(wait: row['delay_ms'] / 1000).perform_later(row['task_id'])
        end
        rows.size
      end
    end
    private_constant :Outbox
  end
end
