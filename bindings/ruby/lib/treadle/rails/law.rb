# frozen_string_literal: true

module Treadle
  module Rails
    # The states and the moves that are lawful: the state machines of the Rails engine, which are those of Treadle. A test holds
    # both records to treadle.task_next_state and treadle.step_next_state.
    module Law
      STATES = %w[pending in_progress complete error cancelled resolved_manually].freeze
      # In these a step lets its children run.
      DONE = %w[complete resolved_manually].freeze

      TASK = {
        'pending' => %w[in_progress cancelled error],
        'in_progress' => %w[complete error cancelled pending],
        'error' => %w[pending resolved_manually],
        'complete' => %w[cancelled],
        'resolved_manually' => %w[cancelled],
        'cancelled' => []
      }.freeze

      STEP = {
        'pending' => %w[in_progress error cancelled resolved_manually],
        'in_progress' => %w[complete error cancelled],
        'error' => %w[pending resolved_manually],
        'complete' => [],
        'resolved_manually' => [],
        'cancelled' => []
      }.freeze
    end
  end
end
