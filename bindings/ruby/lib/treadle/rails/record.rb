# frozen_string_literal: true

module Treadle
  module Rails
    # What all models share. For a database that is not the application's own: `Treadle::Rails::Record.establish_connection(...)`
    # or `connects_to`. All columns are UTC, as ActiveRecord has it by default (`default_timezone = :utc`).
    class Record < ::ActiveRecord::Base
      self.abstract_class = true

      class << self
        # The clock of Postgres, as the columns keep it. What is written into the audit trail is dated by no other.
        def database_time
          uncached { connection.select_all("select clock_timestamp() at time zone 'UTC' as at").cast_values.first }
        end

        # Of a record of any model (the Tasker gem's too), or of a number, also as a text. Raises for what is neither.
        def id_of(record_or_id)
          record_or_id.is_a?(::ActiveRecord::Base) ? record_or_id.id : Integer(record_or_id)
        end
      end
    end
  end
end
