# frozen_string_literal: true

require_relative 'errors'

module Treadle
  # A transaction on the engine's own Postgres in which a step ends: `treadle.complete_step` is its last statement, so that
  # the handler's writes and the end of the step commit together or not at all. It is open for as long as the block runs;
  # leave the block by its last value or `next`, never by `return` or `break`.
  class StepTransaction
    COMPLETE = 'select ready_handlers from treadle.complete_step($1, $2::jsonb)'
    FENCED = 'TR003'

    # The connection of the driver: ActiveRecord's or PG's.
    attr_reader :connection

    def initialize(connection, raw)
      @connection = connection
      @raw = raw
    end

    # Runs one statement with $1, $2, ... and answers with its rows, as hashes of what PG gives.
    def query(sql, values = [])
      @raw.exec_params(sql, values).to_a
    end

    # The step has the results (JSON text) when the transaction commits. Raises FencedError when it was taken away.
    def complete(claim_token, results_json)
      @raw.exec_params(COMPLETE, [claim_token, results_json])
    rescue PG::Error => e
      raise unless sqlstate(e) == FENCED

      raise FencedError.new(e.message.lines.first.to_s.strip, details: { sqlstate: FENCED })
    end

    # Begins a transaction on `connection` (nil: ActiveRecord::Base), yields it, completes the step with the JSON text that
    # the block answers, and commits. Answers with that text; nil when the block rolled back quietly (ActiveRecord::Rollback).
    def self.run(connection, claim_token)
      results_json = nil
      Begin.on(connection) do |tx|
        text = Begin.whole { yield tx }
        tx.complete(claim_token, text)
        results_json = text
      end
      results_json
    end

    private

    def sqlstate(error)
      error.result&.error_field(PG::Result::PG_DIAG_SQLSTATE)
    end

    # How a transaction begins on each kind of connection.
    module Begin
      module_function

      def on(connection, &block)
        return on_pg(connection, &block) if defined?(::PG::Connection) && connection.is_a?(::PG::Connection)
        return on_active_record(active_record(connection), &block) if defined?(::ActiveRecord::Base)

        raise InvalidArgumentError, 'transaction: expected ActiveRecord to be loaded, or a PG::Connection'
      end

      # The value of the block. Leaving it by return, break or throw would commit the writes without the step.
      def whole
        left = true
        value = yield
        left = false
        value
      rescue Exception # rubocop:disable Lint/RescueException
        left = false
        raise
      ensure
        if left
          raise InvalidArgumentError, 'transaction: expected a block that ends with its value or `next`, ' \
                                      'it was left by return, break or throw; rolled back'
        end
      end

      def on_pg(connection)
        unless connection.transaction_status == ::PG::PQTRANS_IDLE
          raise InvalidArgumentError, 'transaction: expected a connection without an open transaction'
        end

        connection.exec('begin isolation level read committed')
        committed = false
        yield StepTransaction.new(connection, connection)
        connection.exec('commit')
        committed = true
      ensure
        roll_back(connection) if committed == false
      end

      def roll_back(connection)
        connection.exec('rollback') unless connection.finished? || connection.status != ::PG::CONNECTION_OK
      rescue ::PG::Error
        nil # the connection is gone, and its transaction with it
      end

      # An open transaction of the application may be rolled back after us, when the engine holds the step for complete.
      # That of Rails' test fixtures is not joinable, and is welcome.
      def on_active_record(connection)
        current = connection.current_transaction
        if current.open? && current.joinable?
          raise InvalidArgumentError, 'transaction: expected no open ActiveRecord transaction around step.transaction'
        end

        options = current.open? ? {} : { isolation: :read_committed }
        connection.transaction(requires_new: false, **options) do
          yield StepTransaction.new(connection, postgres_of(connection))
        end
      end

      def active_record(given)
        base = given || ::ActiveRecord::Base
        return base.lease_connection if base.respond_to?(:lease_connection)

        base.respond_to?(:raw_connection) ? base : base.connection
      end

      def postgres_of(connection)
        raw = connection.raw_connection
        return raw if raw.respond_to?(:exec_params)

        raise InvalidArgumentError, "transaction: expected Postgres, got the adapter #{connection.adapter_name}"
      end
    end
    private_constant :Begin
  end
end
