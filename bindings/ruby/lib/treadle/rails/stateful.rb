# frozen_string_literal: true

module Treadle
  module Rails
    # What has states: tasks and steps. Moves are written by the rules of Statesman, which Rails uses: the old row is closed
    # first, the new one follows with sort_key + 10, in one transaction. Triggers tell Treadle, which goes on when it commits.
    module Stateful
      # The state now, `pending` while there is no row. Loaded transitions (includes) save the question.
      def status
        (current_row&.to_state || 'pending').freeze
      end

      def can_transition_to?(state)
        law.fetch(status).include?(state.to_s) && permitted?(state.to_s)
      end

      # The new row. Raises UnlawfulTransitionError for a move that the law or its guard forbids, StaleStateError when somebody
      # else moved it in the same instant; then nothing was written.
      def transition_to!(state, metadata = {})
        state = state.to_s
        self.class.transaction(requires_new: true) do
          lock_task
          self.class.uncached { move(state, metadata) } # what a request has read before may be old
        end
      rescue ::ActiveRecord::RecordNotUnique
        raise StaleStateError,
              "#{self.class.name.demodulize} #{id}: expected to move it to #{state}, and another hand moved it first; try again"
      ensure
        transitions.reset
      end

      # False where transition_to! raises.
      def transition_to(state, metadata = {})
        transition_to!(state, metadata)
        true
      rescue UnlawfulTransitionError, StaleStateError
        false
      end

      private

      def current_row
        return transitions.max_by(&:sort_key) if transitions.loaded?

        transitions.find_by(most_recent: true)
      end

      def move(state, metadata)
        row = transitions.where(most_recent: true).take
        refuse_unlawful(row&.to_state || 'pending', state)
        at = Record.database_time
        transitions.where(most_recent: true).update_all(most_recent: false, updated_at: at)
        transitions.create!(from_state: row&.to_state, to_state: state, metadata: metadata, most_recent: true,
                            sort_key: (row&.sort_key || 0) + 10, created_at: at, updated_at: at)
      end

      def refuse_unlawful(from, state)
        what = "#{self.class.name.demodulize} #{id} is #{from}"
        unless law.fetch(from).include?(state)
          lawful = law.fetch(from).empty? ? 'nothing, it has ended' : law.fetch(from).join(', ')
          raise UnlawfulTransitionError, "#{what}: expected a move to #{lawful}; came #{state}"
        end
        raise UnlawfulTransitionError, "#{what}: its steps do not allow a move to #{state} yet" unless permitted?(state)
      end

      # What an operator did and why, as the audit trail of Treadle has it.
      def metadata_of(by, reason, **more)
        { 'triggered_by' => 'operator', 'by' => by, 'reason' => reason, **more.transform_keys(&:to_s) }.compact
      end
    end
  end
end
