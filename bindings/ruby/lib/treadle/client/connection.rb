# frozen_string_literal: true

require_relative '../endpoint'
require_relative '../errors'

module Treadle
  class Client
    # The channel of a client: made on first use, and made anew in a forked child. Errors of gRPC become ours.
    class Connection
      # `timeout` in seconds, for each call that is not a stream.
      def initialize(endpoint, timeout)
        @endpoint = endpoint
        @timeout = timeout
        @mutex = Mutex.new
      end

      def call(method, request)
        stub.public_send(method, request, metadata: @endpoint.metadata, deadline: Time.now + @timeout)
      rescue GRPC::BadStatus => e
        raise error_of(e)
      end

      # Yields each message of a stream; `deadline` is a Time or nil.
      def stream(method, request, deadline)
        operation = stub.public_send(method, request, metadata: @endpoint.metadata, deadline: deadline, return_op: true)
        operation.execute.each { |message| yield message }
      rescue GRPC::BadStatus => e
        raise error_of(e)
      ensure
        operation&.cancel
      end

      def close
        @mutex.synchronize do
          @channel&.close if @pid == Process.pid
          @channel = @stub = nil
        end
      end

      private

      def stub
        @mutex.synchronize do
          unless @stub && @pid == Process.pid
            require_relative '../proto/client_services_pb'
            @channel = @endpoint.open
            @stub = V1::ClientService::Stub.new(@endpoint.target, nil, channel_override: @channel)
            @pid = Process.pid
          end
          @stub
        end
      end

      def error_of(status)
        code, details = info_of(status)
        return Error.for_code(code, status.details, details: details) if CODES.key?(code)

        error_class_of(status).new(status.details, details: { status: status.class.name.split('::').last, **details })
      end

      def error_class_of(status)
        case status
        when GRPC::Unavailable, GRPC::DeadlineExceeded then UnavailableError
        when GRPC::Unauthenticated, GRPC::PermissionDenied then AccessError
        else Error
        end
      end

      # The code and the details of google.rpc.ErrorInfo; wrong fields become `violations`.
      def info_of(status)
        require 'google/rpc/error_details_pb'
        packed = status.to_rpc_status&.details.to_a
        info = unpacked(packed, Google::Rpc::ErrorInfo)
        return [nil, {}] if info.nil? || info.domain != 'treadle'

        wrong = unpacked(packed, Google::Rpc::BadRequest)
        violations = wrong ? { violations: wrong.field_violations.to_h { |it| [it.field, it.description] } } : {}
        [info.reason.downcase, { **info.metadata.to_h.transform_keys(&:to_sym), **violations }]
      end

      # Any#unpack would need well_known_types, which changes classes of the application.
      def unpacked(packed, message_class)
        name = message_class.descriptor.name
        packed.find { |any| any.type_url.end_with?("/#{name}") }&.then { |any| message_class.decode(any.value) }
      end
    end
  end
end
