# frozen_string_literal: true

require 'time'

module Tasker
  module StepHandler
    # An answer over HTTP, as a Faraday::Response or a hash of status, body and headers, and what its status means.
    class Response
      PERMANENT = [400, 401, 403, 404, 422].freeze
      SUCCESS = (200..226).freeze
      EXCERPT = 200

      class << self
        def faraday?(object)
          defined?(::Faraday::Response) && object.is_a?(::Faraday::Response)
        end

        # What Rails stores of a response that nobody has processed.
        def to_h(response)
          { status: response.status, body: response.body, response_headers: response.headers.to_h }
        end

        # Nil when the output of `process` is something else than an answer.
        def from(output)
          return new(output.status, output.body, output.headers) if faraday?(output)
          return unless output.is_a?(Hash)

          status = output[:status] || output['status']
          return unless status.is_a?(Integer)

          new(status, output[:body] || output['body'], output[:headers] || output['headers'] || output[:response_headers])
        end

        # Of a Faraday::Error that knows what was answered; nil when it does not.
        def from_error(error)
          return unless defined?(::Faraday::Error) && error.is_a?(::Faraday::Error) && error.response.is_a?(Hash)

          from(error.response)
        end
      end

      attr_reader :status, :body

      def initialize(status, body, headers)
        @status = status
        @body = body
        @headers = (headers || {}).to_h { |name, value| [name.to_s.downcase, value.to_s] }
      end

      # The error that the status means; nil when it is a success.
      def error
        return if SUCCESS.cover?(@status)

        excerpt = @body.to_s[0, EXCERPT]
        message = "API call answered #{@status}#{excerpt.empty? ? '' : ": #{excerpt}"}"
        context = { status: @status }
        return RetryableError.new(message, retry_after: retry_after, context: context) unless PERMANENT.include?(@status)

        PermanentError.new(message, error_code: "HTTP_#{@status}", context: context)
      end

      # Seconds, from a number or from a date; the latter by the clock of the other side when it tells its time.
      def retry_after
        value = @headers['retry-after'].to_s.strip
        return value.to_i if value.match?(/\A\d+\z/)

        at = date(value)
        at && [at - (date(@headers['date'].to_s) || Time.now), 0].max
      end

      private

      def date(text)
        Time.httpdate(text)
      rescue ArgumentError
        nil
      end
    end
  end
end
