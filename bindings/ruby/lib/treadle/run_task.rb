# frozen_string_literal: true

require_relative 'client'
require_relative 'run_task/engines'

module Treadle
  # Tells an engine that a task is due: what the job of a queue does, whatever the queue. One set of clients serves all
  # threads of the process, is made on first use, and anew in a forked child.
  module RunTask
    DEFAULT_TARGET = '127.0.0.1:7465'
    LOCK = Mutex.new
    private_constant :LOCK

    class << self
      # In the place of the environment. `targets`: an address or several; `tls` is an Endpoint::Tls.
      def configure(targets:, token: ENV.fetch('TREADLE_TOKEN', nil), tls: nil, allow_plaintext: false, timeout: 30)
        given = { token: token, tls: tls, allow_plaintext: allow_plaintext, timeout: timeout }
        clients = Array(targets).map { |target| Client.new(target, **given) }
        raise InvalidConfigError, 'expected the address of an engine, got none' if clients.empty?

        @engines = Engines.new(clients)
      end

      # True: an engine has started the task. False: it can never be started, which is logged; the job is done with it.
      # Raises Treadle::Error when the queue should try again: no engine answers, or its database is away.
      def call(task_id)
        raise UnknownTaskError, "expected a task id, got #{task_id.inspect}" unless task_id.is_a?(Integer) && task_id.positive?

        engines.run_task(task_id)
        true
      rescue UnknownTaskError => e
        FieldLogger.new(Treadle.logger, { task_id: task_id }).warn('this task is unknown; the job is dropped', error: e.message)
        false
      end

      private

      def engines
        @engines || LOCK.synchronize { @engines ||= from_environment }
      end

      def from_environment
        configure(targets: ENV.fetch('TREADLE_TARGET', DEFAULT_TARGET).split(',').map(&:strip),
                  tls: tls_of_environment,
                  allow_plaintext: set?('TREADLE_GRPC_ALLOW_PLAINTEXT'))
      end

      # `TREADLE_TLS=1` alone takes the certificate authorities of the machine.
      def tls_of_environment
        names = { ca: 'TREADLE_TLS_CA', cert: 'TREADLE_TLS_CERT', key: 'TREADLE_TLS_KEY' }
        files = names.transform_values { |name| ENV.fetch(name, nil) }.reject { |_, file| file.nil? || file.empty? }
        return nil if files.empty? && !set?('TREADLE_TLS')

        Endpoint::Tls.new(ca: :system, **files)
      end

      def set?(name) = %w[1 true yes].include?(ENV.fetch(name, '').downcase)
    end
  end
end
