# frozen_string_literal: true

module Treadle
  module Rails
    # What rows of both audit trails know. The metadata that Treadle writes (attempt_number, execution_duration, error_message,
    # backoff_until, ...) gives them meaning; the Rails engine left it empty.
    module Audited
      extend ::ActiveSupport::Concern

      included do
        validates :to_state, inclusion: { in: Law::STATES }
        validates :from_state, inclusion: { in: Law::STATES }, allow_nil: true
        validates :sort_key, presence: true
        validate { errors.add(:metadata, 'must be a hash') unless metadata.is_a?(Hash) }

        scope :recent, -> { order(sort_key: :desc) }
        scope :to_state, ->(state) { where(to_state: state.to_s) }
        scope :with_metadata_key, ->(key) { where("#{table_name}.metadata ? :key", key: key.to_s) }
        # Equal as JSON. (In Rails a text never matched: it was compared without its quotes.)
        scope :with_metadata_value, lambda { |key, value|
          where("#{table_name}.metadata -> :key = :value::jsonb", key: key.to_s, value: value.to_json)
        }
        scope :in_time_range, ->(from, to) { where(created_at: from..to) }
      end

      class_methods do
        def most_recent_to_state(state)
          to_state(state).recent.first
        end

        # Three statements, however many rows. The time between transitions is that within a task or step; Rails took the rows of
        # all of them as one row.
        def statistics
          { total_transitions: count,
            states: group(:to_state).count,
            recent_activity: where("#{table_name}.created_at > (now() at time zone 'UTC') - interval '24 hours'").count,
            average_time_between_transitions: average_time_between_transitions }
        end

        private

        def average_time_between_transitions
          gaps = unscope(:order).select("extract(epoch from #{table_name}.created_at - lag(#{table_name}.created_at) " \
                                        "over (partition by #{parent_key} order by sort_key)) as seconds")
          unscoped.from(gaps, :gaps).pick(Arel.sql('avg(seconds)'))&.to_f
        end
      end

      # Seconds; nil for the first row.
      def duration_since_previous
        before = self.class.where(self.class.parent_key => self[self.class.parent_key])
                     .where('sort_key < ?', sort_key).recent.pick(:created_at)
        before && (created_at - before)
      end

      def error_transition? = to_state == 'error'
      def completion_transition? = Law::DONE.include?(to_state)
      def cancellation_transition? = to_state == 'cancelled'

      def has_metadata?(key) = known.key?(key.to_s) # rubocop:disable Naming/PredicateName
      def get_metadata(key, default = nil) = known.fetch(key.to_s, default)

      def set_metadata(key, value)
        self.metadata = known.merge(key.to_s => value)
        value
      end

      def formatted_metadata
        known.merge('duration_since_previous' => duration_since_previous, 'transition_description' => description,
                    'transition_timestamp' => created_at.iso8601)
      end

      private

      # Another hand may have left null or a list there.
      def known
        metadata.is_a?(Hash) ? metadata : {}
      end
    end
  end
end
