# frozen_string_literal: true

require 'socket'
require_relative 'endpoint'
require_relative 'worker/backoff'
require_relative 'worker/crew'
require_relative 'worker/surroundings'

module Treadle
  # Runs handlers for engines: connects to one of the targets, takes as many steps as it has threads, and connects to the
  # next one when a stream ends. `run` is for a process of its own, `start` and `stop` for one that does other work too.
  #
  #     worker = Treadle::Worker.new(handlers: [Reserve], targets: ['127.0.0.1:7465'], concurrency: 16)
  #     worker.run
  class Worker
    autoload :Session, File.expand_path('worker/session', __dir__)

    # How long handlers may take to heed their order to stop, in seconds.
    HEED = 1.0
    # How long an engine may take to write the last outcomes down, in seconds.
    GOODBYE = 10.0

    # `handlers`: classes, or names and classes; nil: all subclasses of StepHandler that are loaded when it starts.
    # `targets`: one address or several. `tls`: an Endpoint::Tls. `grace`: seconds for running steps when it stops.
    def initialize(targets:, handlers: nil, concurrency: 16, name: nil, token: ENV.fetch('TREADLE_TOKEN', nil), tls: nil,
                   allow_plaintext: false, grace: 30, labels: {}, logger: Treadle.logger)
      raise InvalidArgumentError, 'concurrency: expected at least 1' unless concurrency.positive?

      @endpoints = Array(targets).map { |it| Endpoint.new(it, token: token, tls: tls, allow_plaintext: allow_plaintext) }
      raise InvalidArgumentError, 'targets: expected at least one address' if @endpoints.empty?

      @handlers = handlers
      @concurrency = concurrency
      @name = name
      @grace = grace
      @labels = labels
      @logger = logger
    end

    # Begins in the background. In a forked child it begins anew: threads and streams of the parent are not in it.
    def start
      return self if running?

      self.class.const_get(:Session) # loads gRPC: in this process, and before there are threads
      @registry = Registry.new(@handlers)
      raise InvalidArgumentError, 'handlers: expected at least one' if @registry.empty?

      @pid = Process.pid
      @stopping = false
      @error = nil
      @mutex = Mutex.new
      @wake = ConditionVariable.new
      @crew = Crew.new(@concurrency, Surroundings)
      @thread = Thread.new { keep_connected }
      @thread.report_on_exception = false
      self
    end

    def running?
      @pid == Process.pid && !@thread.nil? && @thread.alive?
    end

    # Takes nothing more, waits at most `grace` seconds for what runs, then tells it to stop. Answers whether all steps
    # were answered; those that were not are run again by somebody else.
    def stop(grace: @grace)
      return true unless running?

      leave
      all = @crew.wait_until_idle(grace)
      unless all
        session&.stop_jobs(:worker_stopping)
        all = @crew.wait_until_idle(HEED)
      end
      session&.cut unless all
      @thread.join(GOODBYE) || session&.cut
      @crew.dismiss
      all
    end

    # Until SIGTERM or SIGINT; then it stops as `stop` does, and a second signal ends it at once. Answers with :stopped, or
    # :aborted after a second signal. Raises AccessError or InvalidArgumentError when no engine lets it in.
    def run
      signals = Signals.new
      start
      watch = Thread.new { [@thread.join, signals.tell_end] rescue signals.tell_end } # rubocop:disable Style/RescueModifier
      stopping = nil
      while signals.wait == :signal
        return :aborted if stopping

        @logger.info('a signal came: no more steps are taken, those that run may end')
        stopping = Thread.new { stop.tap { signals.tell_end } }
      end
      stopping&.join
      raise @error if @error

      :stopped
    ensure
      watch&.kill
      signals&.restore
    end

    # The error that ended it; nil while it runs, and after a stop.
    attr_reader :error

    private

    def keep_connected
      backoff = Backoff.new
      @endpoints.cycle do |endpoint|
        break if @stopping

        connect(endpoint, backoff)
        break if @error

        pause(backoff.next) unless @stopping
      end
    rescue StandardError => e
      @error = e
    ensure
      @crew.dismiss
    end

    def connect(endpoint, backoff)
      fresh = Session.new(endpoint, registration, registry: @registry, crew: @crew, logger: @logger)
      @mutex.synchronize { @session = fresh }
      fresh.leave('the worker stops') if @stopping
      fresh.run
    rescue GRPC::BadStatus => e
      disconnected(endpoint, e, fresh)
    rescue Error => e
      @error = e
    rescue StandardError => e
      @logger.error(LogLine.new('disconnected', target: endpoint.target, **Failure.describe(e).slice(:error, :error_class)))
    ensure
      if fresh&.registered
        @welcome = true
        backoff.reset
      end
    end

    # Whoever was never let in will not be let in by trying again.
    def disconnected(endpoint, status, session)
      words = session.registered ? 'disconnected' : 'could not connect'
      @logger.warn(LogLine.new(words, target: endpoint.target, reason: status.details, status: status.code))
      return if @welcome || session.registered || @stopping

      case status
      when GRPC::Unauthenticated, GRPC::PermissionDenied then @error = AccessError.new("#{endpoint.target}: #{status.details}")
      when GRPC::InvalidArgument then @error = InvalidArgumentError.new("#{endpoint.target}: #{status.details}")
      end
    end

    def leave
      @mutex.synchronize do
        @stopping = true
        @wake.broadcast
      end
      session&.leave('the worker stops')
    end

    def session = @mutex.synchronize { @session }

    def pause(seconds)
      @mutex.synchronize { @wake.wait(@mutex, seconds) unless @stopping }
    end

    def registration
      V1::Register.new(name: @name || "#{Socket.gethostname}:#{Process.pid}", handlers: @registry.names, language: 'ruby',
                       language_version: RUBY_VERSION, package_version: VERSION, capacity: @concurrency,
                       labels: @labels.to_h { |key, value| [key.to_s, value.to_s] })
    end
  end
end

require_relative 'worker/signals'
