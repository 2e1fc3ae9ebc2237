# frozen_string_literal: true

require_relative 'story'
require 'openssl'
require 'socket'

class TlsTest < Story::Test
  def test_mutual_tls_lets_in_whom_the_authority_knows
    authority = Authority.new(world.folder)
    address = "127.0.0.1:#{free_port}"
    engine(address, { 'TREADLE_GRPC_TLS_CERT' => authority.cert('engine'), 'TREADLE_GRPC_TLS_KEY' => authority.key('engine'),
                      'TREADLE_GRPC_TLS_CLIENT_CA' => authority.ca })
    tls = Treadle::Endpoint::Tls.new(ca: authority.ca, cert: authority.cert('client'), key: authority.key('client'))
    assert_includes Treadle::Client.new(address, tls: tls).templates.map(&:name), 'ruby_story'
    [Treadle::Endpoint::Tls.new(ca: authority.ca), nil].each do |stranger|
      assert_raises(Treadle::UnavailableError) { Treadle::Client.new(address, tls: stranger, timeout: 5).templates }
    end
    files = ['--tls-ca', authority.ca, '--tls-cert', authority.cert('client'), '--tls-key', authority.key('client')]
    worker(*files, target: address)
  end

  private

  def free_port
    server = TCPServer.new('127.0.0.1', 0)
    server.addr[1].tap { server.close }
  end

  # Makes certificates as files in PEM.
  class Authority
    def initialize(folder)
      @folder = folder
      @key = OpenSSL::PKey::RSA.new(2048)
      @cert = certificate('authority', @key, nil)
      write('ca.pem', @cert)
    end

    def ca = File.join(@folder, 'ca.pem')
    def key(name) = File.join(@folder, "#{name}.key")

    def cert(name)
      file = File.join(@folder, "#{name}.pem")
      issue(name) unless File.exist?(file)
      file
    end

    private

    def issue(name)
      key = OpenSSL::PKey::RSA.new(2048)
      write("#{name}.key", key)
      write("#{name}.pem", certificate(name, key, @cert))
    end

    def write(file, pem) = File.write(File.join(@folder, file), pem.to_pem)

    def certificate(name, key, issuer)
      made = OpenSSL::X509::Certificate.new
      made.version = 2
      made.serial = SecureRandom.random_number(2**64)
      made.subject = OpenSSL::X509::Name.new([['CN', name]])
      made.issuer = issuer ? issuer.subject : made.subject
      made.public_key = key.public_key
      made.not_before = Time.now - 60
      made.not_after = Time.now + 3600
      extensions = OpenSSL::X509::ExtensionFactory.new(issuer || made, made)
      made.add_extension(extensions.create_extension('basicConstraints', issuer ? 'CA:FALSE' : 'CA:TRUE', true))
      made.add_extension(extensions.create_extension('subjectAltName', 'IP:127.0.0.1,DNS:localhost', false))
      made.sign(@key, 'SHA256')
    end
  end
end
