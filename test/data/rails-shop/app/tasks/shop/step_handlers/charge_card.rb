# frozen_string_literal: true

module Shop
  module StepHandlers
    class ChargeCard < Tasker::StepHandler::Base
      def process(task, sequence, step)
        cents = sequence.find_step_by_name('validate_cart').results['total_cents']
        raise Tasker::PermanentError.new('the card is stolen', error_code: 'stolen') if task.context[:card] == 'stolen'
        raise Tasker::RetryableError.new('the bank is busy', retry_after: 1) if task.context[:card] == 'slow' && step.attempts < 1

        { charge_id: "ch-#{task.task_id}", cents: cents, currency: config[:currency] }
      end
    end
  end
end
