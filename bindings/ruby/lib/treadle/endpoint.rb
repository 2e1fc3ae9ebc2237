# frozen_string_literal: true

require_relative 'errors'
require_relative 'version'

module Treadle
  # One address of an engine, and how to speak to it: TLS, token, limits. gRPC is loaded here, on first use, and its objects
  # belong to the process that made them.
  class Endpoint
    LOOPBACK = /\A(?:(?:dns|ipv4|ipv6):(?:\/\/\/)?)?(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?\z/

    # Where TLS comes from: `ca`, `cert` and `key` are files in PEM; `ca: :system` takes the certificates of the machine.
    Tls = Struct.new(:ca, :cert, :key, keyword_init: true)

    CHANNEL_ARGS = {
      'grpc.primary_user_agent' => "treadle-ruby/#{VERSION}",
      'grpc.max_receive_message_length' => -1, # the engine has a limit, and says which
      'grpc.max_send_message_length' => -1,
      'grpc.keepalive_time_ms' => 30_000, # finds a peer that vanished without a word
      'grpc.keepalive_timeout_ms' => 10_000,
      'grpc.keepalive_permit_without_calls' => 0,
      # Retries are ours: a shared pool would make a new stream wait for the backoff of the one that broke.
      'grpc.use_local_subchannel_pool' => 1,
      'grpc.initial_reconnect_backoff_ms' => 100,
      'grpc.min_reconnect_backoff_ms' => 1_000,
      'grpc.max_reconnect_backoff_ms' => 5_000
    }.freeze

    attr_reader :target

    # `target` as `127.0.0.1:7465` or `unix:/run/treadle.sock`. Without TLS only loopback and unix sockets are spoken to,
    # unless `allow_plaintext`: a token and all data would be readable on the way.
    def initialize(target, token: nil, tls: nil, allow_plaintext: false)
      @target = target
      @token = token
      @tls = tls
      refuse("expected an address as host:port or unix:/path, got #{target.inspect}") unless target.match?(/\A(unix:.+|.+:\d+)\z/)
      refuse_plaintext unless tls || allow_plaintext || local?
      refuse('expected both a certificate and its key') if tls && tls.cert.nil? != tls.key.nil?
    end

    # Metadata of each call.
    def metadata
      @token.nil? || @token.empty? ? {} : { 'authorization' => "Bearer #{@token}" }
    end

    # A channel of this process; the caller closes it.
    def open
      require 'grpc'
      GRPC::Core::Channel.new(@target, CHANNEL_ARGS, credentials)
    rescue RuntimeError => e
      raise unless e.message.include?('fork')

      raise Error, 'this process was forked from one that had used gRPC, which gRPC does not survive: make clients and ' \
                   "workers after the fork, see \"Forking servers\" in the README (#{e.message})"
    end

    private

    def local?
      @target.start_with?('unix:') || @target.match?(LOOPBACK)
    end

    def credentials
      return :this_channel_is_insecure if @tls.nil?

      ca = @tls.ca == :system ? nil : @tls.ca && read(@tls.ca)
      GRPC::Core::ChannelCredentials.new(ca, @tls.key && read(@tls.key), @tls.cert && read(@tls.cert))
    end

    def read(file)
      File.read(file)
    rescue SystemCallError => e
      refuse("cannot read #{file}: #{e.message}")
    end

    def refuse_plaintext
      refuse("#{@target} is not on this machine, and without TLS everybody on the way can read and change all of it: " \
             'name a certificate authority (tls), or allow plaintext explicitly')
    end

    def refuse(why)
      raise InvalidConfigError, why
    end
  end
end
