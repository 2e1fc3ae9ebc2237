# frozen_string_literal: true

require_relative '../handler_files'
require_relative 'attempts'
require_relative 'deaf'
require_relative 'patience'
require_relative 'settings'
require_relative 'threads'

module Treadle
  module Native
    # A program in an engine's process, from its start to its end. It runs on the main thread of the VM, which then listens
    # for orders: those must reach attempts while every other thread is busy.
    class Program
      LAST_WORDS_SECONDS = 1.0
      LEVELS = { 'debug' => Logger::DEBUG, 'info' => Logger::INFO, 'warning' => Logger::WARN, 'error' => Logger::ERROR }.freeze

      def initialize(port, settings)
        @port = port
        @settings = settings
      end

      def run
        prepare_log
        registry = load_handlers
        @attempts = Attempts.new(@port, registry, deaf: Deaf.new(@port), results_limit: @settings.max_result_bytes,
                                                logger: Treadle.logger)
        @threads = Threads.new(@port, @attempts)
        @settings.concurrency.times { @threads.hire }
        @port.answer(Kinds::READY, introduction(registry))
        listen
        @threads.join(LAST_WORDS_SECONDS)
      end

      private

      # Handlers may set a logger of their own, when they are loaded.
      def prepare_log
        Treadle.logger.level = LEVELS.fetch(@settings.log_level)
        Treadle.logger.formatter = JsonFormatter.new if @settings.log_json
      end

      def load_handlers
        directory = File.expand_path(@settings.app_dir)
        $LOAD_PATH.unshift(directory) unless $LOAD_PATH.include?(directory)
        HandlerFiles.load(@settings.modules, directory)
        served
      end

      def served
        wanted = @settings.handlers
        found = StepHandler.all
        chosen = wanted ? found.select { |it| wanted.include?(it.handler_name) } : found
        return Registry.new(chosen) unless chosen.empty?

        there = found.empty? ? 'none' : found.map(&:handler_name).sort.join(', ')
        raise InvalidArgumentError, "#{@settings.modules.join(', ')}: expected #{wanted&.join(', ') || 'handlers'}, there are #{there}"
      end

      def introduction(registry)
        JSON.generate(language: 'ruby', language_version: RUBY_VERSION, package_version: VERSION,
                      handlers: registry.names, on_loop: [])
      end

      def listen
        patience = Patience.new(@attempts, @threads, give_up_after: @settings.give_up_after, logger: Treadle.logger)
        while (message = @port.next(Lanes::CONTROL, patience.seconds))
          job = message.empty? ? nil : @attempts.cancel(message)
          patience.begin(job) if job
          patience.look
        end
      end
    end
  end
end
