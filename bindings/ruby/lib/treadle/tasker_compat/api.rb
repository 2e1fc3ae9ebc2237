# frozen_string_literal: true

module Tasker
  module StepHandler
    # A step that calls an HTTP API: `process` uses `connection` (Faraday) and returns the response, or a hash of status,
    # body and headers. What is no success becomes an error: 400, 401, 403, 404 and 422 a PermanentError, the rest a
    # RetryableError that respects Retry-After. Backoff itself is the engine's, by the template.
    class Api < Base
      # What `handler_config` says of the API.
      class Config
        attr_reader :url, :params, :ssl, :headers, :enable_exponential_backoff, :retry_delay, :jitter_factor

        def initialize(url:, params: {}, ssl: nil, headers: default_headers, enable_exponential_backoff: true,
                       retry_delay: 1.0, jitter_factor: rand)
          @url = url
          @params = params
          @ssl = ssl
          @headers = headers
          @enable_exponential_backoff = enable_exponential_backoff
          @retry_delay = retry_delay
          @jitter_factor = jitter_factor
        end

        def default_headers
          { 'Content-Type' => 'application/json', 'Accept' => 'application/json' }
        end
      end

      KEYS = %i[url params ssl headers enable_exponential_backoff retry_delay].freeze
      MAX_FRAMES = 10

      abstract!

      class << self
        # Keys that the Rails engine does not know are ignored, as there.
        def build(config)
          known = KEYS.to_h { |key| [key, config[key]] }.compact
          return new(config: Config.new(**known)) if known.key?(:url)

          raise Treadle::DeclarationError.new('invalid_config', 'handler_config: expected the url of the API')
        end
      end

      # The block customises the Faraday connection.
      def initialize(config:, &connection_block)
        super(config: config)
        @connection_block = connection_block
      end

      def connection
        @connection ||= build_connection
      end

      # Between `process` and `process_results`: an answer that is no success is an error.
      def examine_output(output)
        error = Response.from(output)&.error
        raise error if error

        output
      end

      # Keeps with the step what was answered, and says what an error of Faraday means.
      def explain_failure(step, error)
        response = Response.from_error(error)
        meant = response&.error || error
        meant.set_backtrace(error.backtrace) unless meant.equal?(error)
        add_error_to_results(step, meant, response)
        meant
      end

      private

      def build_connection
        load_faraday
        options = { url: config.url, params: config.params || {}, headers: config.headers || {}, ssl: config.ssl }.compact
        ::Faraday.new(**options) do |faraday|
          @connection_block&.call(faraday)
          faraday.adapter(::Faraday.default_adapter) unless @connection_block
        end
      end

      def load_faraday
        require 'faraday'
      rescue LoadError
        raise ConfigurationError, "#{self.class.name} needs the gem faraday, which is not installed: add it to the Gemfile"
      end

      def add_error_to_results(step, error, response)
        details = { error_message: error.message, error_class: error.class.name, backtrace: error.backtrace&.first(MAX_FRAMES) }
        details.update(response_status: response.status, response_body: response.body) if response
        facts = { error_context: :context, error_code: :error_code, retry_after: :retry_after }
        facts.each { |key, reader| details[key] = error.public_send(reader) if error.respond_to?(reader) }
        kept = step.results.is_a?(Hash) ? step.results : {}
        step.results = kept.merge('error' => true, 'error_details' => details.compact)
      end
    end
  end
end
