# frozen_string_literal: true

module Shop
  module StepHandlers
    class ValidateCart < Tasker::StepHandler::Base
      def process(task, _sequence, _step)
        raise Tasker::PermanentError, 'the cart is empty' unless task.context[:total_cents].positive?

        { total_cents: task.context[:total_cents] }
      end
    end
  end
end
