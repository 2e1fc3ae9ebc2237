# frozen_string_literal: true

require_relative '../outcome'
require_relative '../proto/worker_pb'

module Treadle
  class Worker
    # Outcomes in the words of the wire.
    module Answers
      # What a message has around the texts of an outcome, in bytes; generous.
      ENVELOPE = 256

      module_function

      def of(claim_token, outcome, duration_us)
        case outcome
        when Outcome::CompletedInTransaction
          message(claim_token, duration_us, completed_in_transaction: {})
        when Outcome::Completed
          message(claim_token, duration_us, completed: { results_json: outcome.results_json })
        else message(claim_token, duration_us, failed: failed(outcome))
        end
      end

      def released(claim_token)
        message(claim_token, 0, released: {})
      end

      # How far an attempt is.
      def progress(claim_token, fraction, message)
        progress = V1::Progress.new(claim_token: claim_token, message: message.to_s[0, 1024])
        progress.fraction = fraction.to_f.clamp(0.0, 1.0) if fraction
        progress
      end

      # About how long the message is.
      def bytes_of(answer)
        texts = answer.completed ? [answer.completed.results_json] : texts_of(answer.failed)
        ENVELOPE + texts.sum(&:bytesize)
      end

      def texts_of(failed)
        failed ? [failed.error, failed.error_class, failed.backtrace, failed.error_code, failed.results_json] : []
      end

      def message(claim_token, duration_us, **result)
        V1::Outcome.new(claim_token: claim_token, duration_us: duration_us, **result)
      end

      def failed(outcome)
        V1::Failed.new(code: :"FAILURE_CODE_#{outcome.code.upcase}", error: outcome.error, error_class: outcome.error_class,
                       backtrace: outcome.backtrace, retry_after_seconds: outcome.retry_after_seconds,
                       error_code: outcome.error_code || '', results_json: outcome.results_json || '')
      end
    end
  end
end
