# frozen_string_literal: true

require_relative 'indifferent_hash'

module Treadle
  # What one attempt of a step ended in. Every runtime ends in one of the first two.
  module Outcome
    # The attempt succeeded.
    class Completed
      # The JSON text that is stored.
      attr_reader :results_json

      def initialize(results_json)
        @results_json = results_json
      end

      # What children read.
      def results
        @results ||= IndifferentHash.from(JSON.parse(@results_json, max_nesting: 0))
      end

      def complete? = true
      def failed? = false
      def kind = 'complete'
    end

    # The handler has completed the step in its own database transaction.
    class CompletedInTransaction < Completed; end

    # The attempt failed. `code` is one of the failure codes of the engine; `permanent` leaves no attempt.
    Failed = Struct.new(:code, :permanent, :error, :error_class, :backtrace, :retry_after_seconds, :error_code,
                        :results_json, keyword_init: true) do
      def complete? = false
      def failed? = true
      def kind = 'error'
      alias_method :permanent?, :permanent

      # What the handler had put into the step's results before it failed; nil when nothing.
      def results
        results_json && IndifferentHash.parse(results_json)
      end
    end
  end
end
