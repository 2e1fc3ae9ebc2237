# frozen_string_literal: true

module Shop
  module StepHandlers
    class SendReceipt < Tasker::StepHandler::Base
      def process(_task, sequence, _step)
        charge = sequence.find_step_by_name('charge_card').results
        publish_custom_event('receipt.sent', { charge_id: charge['charge_id'] })
        { receipt: "#{charge['cents']} #{charge['currency']}" }
      end
    end
  end
end
