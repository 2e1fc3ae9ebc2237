# frozen_string_literal: true

require 'optparse'
require_relative '../treadle'
require_relative 'handler_files'

module Treadle
  # The command `treadle-worker`.
  class Cli
    LEVELS = %w[debug info warn error].freeze
    # As shells count signals: ended by SIGINT.
    ABORTED = 130

    def initialize(arguments)
      @arguments = arguments
      @files = []
      @targets = []
      @settings = { concurrency: 16, grace: 30.0 }
      @tls = {}
    end

    # The exit status: 0 after a stop, 1 for an error, 2 for a wrong argument, 130 after a second signal.
    def run
      parser.parse!(@arguments)
      raise OptionParser::InvalidArgument, @arguments.first unless @arguments.empty?
      raise OptionParser::MissingArgument, '-r FILE' if @files.empty?

      HandlerFiles.load(@files)
      worker.run == :aborted ? ABORTED : 0
    rescue OptionParser::ParseError, InvalidArgumentError, InvalidConfigError => e
      complain(e, 2)
    rescue Error => e
      complain(e, 1)
    end

    private

    def worker
      targets = @targets.empty? ? ENV.fetch('TREADLE_TARGET', '127.0.0.1:7465').split(',') : @targets
      Worker.new(targets: targets, tls: @tls.empty? ? nil : Endpoint::Tls.new(**@tls), logger: Treadle.logger, **@settings)
    end

    def complain(error, status)
      warn "treadle-worker: #{error.message.lines.first&.strip}"
      status
    end

    def parser
      OptionParser.new do |it|
        it.banner = 'Usage: treadle-worker -r FILE [-r FILE] [--target ADDRESS] [options]'
        what_to_run(it)
        whom_to_trust(it)
        what_to_say(it)
      end
    end

    def what_to_run(it)
      it.on('-r', '--require FILE', 'file or folder with step handlers, or a library') { |value| @files << value }
      it.on('-t', '--target ADDRESS', 'of an engine, as 127.0.0.1:7465 or unix:/path; repeatable (TREADLE_TARGET)') do |value|
        @targets.concat(value.split(','))
      end
      it.on('-c', '--concurrency N', Integer, 'attempts at once, each in a thread (16)') do |value|
        @settings[:concurrency] = value
      end
      it.on('--grace SECONDS', Float, 'for running steps when it stops (30)') { |value| @settings[:grace] = value }
      it.on('--name NAME', 'for people and logs (host:pid)') { |value| @settings[:name] = value }
    end

    def whom_to_trust(it)
      it.on('--token TOKEN', 'better in TREADLE_TOKEN: arguments are visible') { |value| @settings[:token] = value }
      it.on('--tls', "TLS with the machine's certificate authorities") { @tls[:ca] ||= :system }
      it.on('--tls-ca FILE', 'TLS with this certificate authority') { |value| @tls[:ca] = value }
      it.on('--tls-cert FILE', 'our certificate, for mutual TLS') { |value| @tls[:cert] = value }
      it.on('--tls-key FILE', 'its key') { |value| @tls[:key] = value }
      it.on('--allow-plaintext', 'speak without TLS to other machines') { @settings[:allow_plaintext] = true }
    end

    def what_to_say(it)
      it.on('--log-level LEVEL', LEVELS, "#{LEVELS.join(', ')} (info)") { |value| Treadle.logger.level = value }
      it.on('--log-json', 'one JSON object a line') { Treadle.logger.formatter = JsonFormatter.new }
      it.on('-v', '--version', 'print the version') { puts(VERSION) || exit }
      it.on('-h', '--help', 'print this') { puts(it) || exit }
    end
  end
end
