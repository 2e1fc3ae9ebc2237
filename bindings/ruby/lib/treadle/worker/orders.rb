# frozen_string_literal: true

require_relative '../proto/worker_pb'

module Treadle
  class Worker
    # Orders to stop in the words of the wire.
    module Orders
      REASONS = { CANCEL_REASON_TIMED_OUT: :timed_out, CANCEL_REASON_REVOKED: :revoked,
                  CANCEL_REASON_ENGINE_STOPPING: :engine_stopping }.freeze

      module_function

      # What StopOrder#give is given for a V1::Cancel.
      def of(cancel)
        [REASONS.fetch(cancel.reason, :revoked), cancel.message.empty? ? nil : cancel.message]
      end
    end
  end
end
