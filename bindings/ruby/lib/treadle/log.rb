# frozen_string_literal: true

require 'json'
require 'logger'
require 'time'

module Treadle
  # A message with fields. Any Logger prints it as one line of text; JsonFormatter as a JSON object.
  LogLine = Struct.new(:message, :fields) do
    def to_s
      words = fields.map { |name, value| "#{name}=#{value.is_a?(String) && !value.match?(/\s/) ? value : value.inspect}" }
      [message, *words].join(' ')
    end
    alias_method :inspect, :to_s
    alias_method :to_str, :to_s
  end

  # One JSON object a line, with the keys that the engine uses.
  class JsonFormatter
    def call(severity, time, _program, message)
      line = { level: severity.downcase, time: time.getutc.iso8601(3), **facts(message) }
      "#{JSON.generate(line)}\n"
    rescue StandardError => e
      "#{JSON.generate(level: severity.downcase, msg: "a line that is not JSON: #{e.class}")}\n"
    end

    private

    def facts(message)
      case message
      when LogLine then { **message.fields, msg: message.message.to_s }
      when Exception then { msg: message.message, error_class: message.class.name }
      else { msg: message.to_s }
      end
    end
  end

  # A logger that writes the same fields into every line: for an attempt its task, step, handler and number.
  class FieldLogger
    def initialize(logger, fields)
      @logger = logger
      @fields = fields
    end

    # `log.info('reserved', quantity: 3)`; a block is only called when the level is on.
    { debug: Logger::DEBUG, info: Logger::INFO, warn: Logger::WARN, error: Logger::ERROR, fatal: Logger::FATAL }
      .each do |level, severity|
      define_method(level) do |message = nil, **fields, &block|
        next unless @logger.public_send(:"#{level}?")

        @logger.add(severity, LogLine.new(message || block&.call, @fields.merge(fields)))
      end
      define_method(:"#{level}?") { @logger.public_send(:"#{level}?") }
    end
  end

  class << self
    attr_writer :logger

    # Where the worker and the handlers write; standard error by default. In Rails: `Treadle.logger = Rails.logger`.
    def logger
      @logger ||= Logger.new($stderr, level: Logger::INFO)
    end
  end
end
