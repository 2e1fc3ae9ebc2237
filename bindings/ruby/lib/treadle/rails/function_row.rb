# frozen_string_literal: true

module Treadle
  module Rails
    # A row of one of the SQL functions: its columns are methods. Read only; asked for many tasks at once it is one statement.
    class FunctionRow
      class << self
        # Columns as the function has them; `read_at` (the clock of Postgres that the function went by) is there too.
        def columns(*names)
          names.each { |name| define_method(name) { @attributes.fetch(name.to_s) } }
        end

        private

        # The rows of `from`, a call of a function with ? where the values go.
        def rows(from, *values, order: nil)
          sql = Record.sanitize_sql_array(["select f.*, now() at time zone 'UTC' as read_at from #{from} f", *values])
          result = Record.connection.select_all(order ? "#{sql} order by #{order}" : sql)
          result.cast_values.map { |row| new(result.columns.zip(row).to_h) }
        end

        # What `array[?]::bigint[]` is filled with.
        def ids(records_or_ids)
          Array(records_or_ids).map { |it| Record.id_of(it) }
        end
      end

      attr_reader :attributes

      def initialize(attributes)
        @attributes = attributes.freeze
      end

      def read_at = attributes.fetch('read_at')
      def [](name) = attributes[name.to_s]
      def to_h = attributes.except('read_at').transform_keys(&:to_sym)
      def as_json(*) = to_h.as_json
      def readonly? = true
      def ==(other) = other.class == self.class && other.to_h == to_h
      alias eql? ==
      def hash = [self.class, to_h].hash
    end
  end
end
