# frozen_string_literal: true

require_relative 'test_helper'

class EndpointTest < Minitest::Test
  def test_plaintext_is_spoken_on_this_machine_only
    %w[127.0.0.1:7465 localhost:1 [::1]:7465 unix:/run/x.sock dns:///localhost:1].each { |it| assert Treadle::Endpoint.new(it) }
    %w[10.0.0.1:7465 engine:7465 127.0.0.1.evil.com:1 localhost.evil.com:1].each do |target|
      assert_includes refusal(target), 'is not on this machine'
      assert Treadle::Endpoint.new(target, allow_plaintext: true)
      assert Treadle::Endpoint.new(target, tls: Treadle::Endpoint::Tls.new(ca: :system))
    end
  end

  def test_an_address_has_a_port
    assert_includes refusal('localhost'), 'expected an address as host:port'
  end

  def test_a_certificate_has_a_key
    assert_includes refusal('engine:1', tls: Treadle::Endpoint::Tls.new(cert: 'x.pem')), 'both a certificate and its key'
  end

  def test_a_file_that_is_not_there_is_named
    endpoint = Treadle::Endpoint.new('engine:1', tls: Treadle::Endpoint::Tls.new(ca: '/no/such.pem'))
    assert_includes assert_raises(Treadle::InvalidConfigError) { endpoint.open }.message, 'cannot read /no/such.pem'
  end

  def test_the_token_is_a_bearer
    assert_equal({ 'authorization' => 'Bearer x' }, Treadle::Endpoint.new('localhost:1', token: 'x').metadata)
    assert_empty Treadle::Endpoint.new('localhost:1', token: '').metadata
  end

  private

  def refusal(...) = assert_raises(Treadle::InvalidConfigError) { Treadle::Endpoint.new(...) }.message
end
