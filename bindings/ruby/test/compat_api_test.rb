# frozen_string_literal: true

require_relative 'test_helper'
require 'socket'
require 'time'
require 'treadle/tasker_compat'

class CompatApiTest < Minitest::Test
  include TreadleTest

  # Asks the API of its config for a user, as Rails handlers do.
  class FetchUser < Tasker::StepHandler::Api
    def process(task, _sequence, _step)
      connection.get("/users/#{task.context['user_id']}")
    end
  end

  def setup
    require 'faraday'
  rescue LoadError
    ENV['CI'] == 'true' ? flunk('the gem faraday must be installed') : skip('the gem faraday is not installed')
  end

  def test_a_response_is_stored_as_rails_stores_it
    outcome = fetch(200, 'content-type' => 'text/plain') { 'Ada' }
    assert_equal [200, 'Ada'], outcome.results.values_at(:status, :body)
    assert_equal 'text/plain', outcome.results[:response_headers]['content-type']
  end

  def test_process_results_gets_the_response
    reading = Class.new(FetchUser) { def process_results(step, output, _initial) = step.results = { name: output.body } }
    assert_equal({ 'name' => 'Ada' }, fetch(200, handler: reading) { 'Ada' }.results)
  end

  def test_answers_that_cannot_change_are_permanent
    outcome = fetch(404) { 'nobody' }
    assert_equal ['permanent', 'HTTP_404', 'API call answered 404: nobody'], outcome.to_h.values_at(:code, :error_code, :error)
  end

  def test_retry_after_is_respected_in_seconds_and_as_a_date
    assert_equal ['retryable', 7.0], fetch(429, 'retry-after' => '7').to_h.values_at(:code, :retry_after_seconds)
    now = Time.at(Time.now.to_i)
    headers = { 'retry-after' => (now + 90).httpdate, 'date' => now.httpdate }
    assert_equal 90.0, fetch(503, **headers).retry_after_seconds
    assert_equal ['retryable', nil], fetch(500).to_h.values_at(:code, :retry_after_seconds)
  end

  def test_what_failed_is_kept_with_the_step
    details = fetch(503, 'retry-after' => '7').results['error_details']
    assert_equal ['Tasker::RetryableError', 7, { 'status' => 503 }], details.values_at('error_class', 'retry_after', 'error_context')
  end

  def test_errors_that_faraday_raises_mean_the_same
    raising = Class.new(FetchUser) { def initialize(config:) = super { |faraday| faraday.use(Faraday::Response::RaiseError) } }
    outcome = fetch(422, handler: raising) { 'no' }
    assert_equal ['permanent', 'HTTP_422'], outcome.to_h.values_at(:code, :error_code)
    assert_equal [422, 'no'], outcome.results['error_details'].values_at('response_status', 'response_body')
  end

  def test_a_server_that_is_not_there_can_be_asked_again
    assert_equal 'handler_error', run_api(FetchUser, 'http://127.0.0.1:1').code
  end

  def test_hashes_count_as_answers_when_they_have_a_status
    api = ->(answer) { run_api(handler(Tasker::StepHandler::Api) { answer }, 'http://api.test') }
    assert_equal 'permanent', api.call({ status: 401, body: '', headers: {} }).code
    assert_equal({ 'status' => 201, 'body' => 'x' }, api.call({ status: 201, body: 'x' }).results)
    assert_equal({ 'user' => 1 }, api.call({ user: 1 }).results)
  end

  def test_the_config_has_the_defaults_of_rails
    config = Tasker::StepHandler::Api::Config.new(url: 'http://api.test')
    assert_equal [{}, nil, true, 1.0], [config.params, config.ssl, config.enable_exponential_backoff, config.retry_delay]
    assert_equal 'application/json', config.headers['Accept']
    assert_includes 0.0..1.0, config.jitter_factor
  end

  def test_a_config_without_url_is_invalid
    assert_equal ['invalid_config', true], Treadle::Testing.run_handler(FetchUser).to_h.values_at(:code, :permanent)
  end

  private

  # What the handler makes of one answer of a real server.
  def fetch(status, handler: FetchUser, **headers)
    body = block_given? ? yield : ''
    server = TCPServer.new('127.0.0.1', 0)
    answering = Thread.new { answer(server.accept, status, headers, body) }
    run_api(handler, "http://127.0.0.1:#{server.addr[1]}")
  ensure
    answering&.join(5)
    server&.close
  end

  def answer(socket, status, headers, body)
    nil until socket.gets == "\r\n"
    lines = headers.map { |name, value| "#{name}: #{value}\r\n" }.join
    socket.write("HTTP/1.1 #{status} X\r\nContent-Length: #{body.bytesize}\r\nConnection: close\r\n#{lines}\r\n#{body}")
    socket.close
  end

  def run_api(handler_class, url)
    Treadle::Testing.run_handler(handler_class, context: { user_id: 1 }, config: { type: 'api', url: url, timeout: 5 })
  end
end
