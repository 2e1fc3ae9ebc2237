# frozen_string_literal: true

require_relative 'test_helper'
require 'timeout'
require 'treadle/native'

# The program that an engine starts in its own process, without the addon around it: lanes are queues. What crosses for real
# is in test/bindings/native.
class NativeTest < Minitest::Test
  # The addon's port, as far as a program can see.
  class Port
    attr_reader :answers

    def initialize
      @lanes = Hash.new { |lanes, number| lanes[number] = Thread::Queue.new }
      3.times { |number| @lanes[number] }
      @answers = Thread::Queue.new
    end

    def send(lane, message) = @lanes[lane] << message.to_proto
    def close = @lanes.each_value(&:close)
    def answer(kind, bytes) = @answers << [kind, bytes]
    def awaited?(lane) = @lanes[lane].empty? && @lanes[lane].num_waiting == 1

    # Queue#pop knows no time until Ruby 3.2.
    def next(lane, seconds = nil)
      return @lanes[lane].pop if seconds.nil?

      Timeout.timeout([seconds, 0.001].max) { @lanes[lane].pop }
    rescue Timeout::Error
      ''
    end
  end

  ALL = %w[NativeAnswers NativeEndsItsThread NativeIsDeaf NativeWaits].freeze

  def setup
    @port = Port.new
  end

  def teardown
    @port.close
    @thread&.join
  end

  def test_it_introduces_itself_with_the_handlers_that_it_found
    said = introduction_of(start)
    assert_equal ['ruby', RUBY_VERSION, Treadle::VERSION], said.values_at(*%w[language language_version package_version])
    assert_equal [ALL, []], said.values_at('handlers', 'on_loop')
  end

  def test_it_serves_only_what_it_is_told_to
    assert_equal ['NativeAnswers'], introduction_of(start(handlers: ['NativeAnswers']))['handlers']
  end

  def test_it_cannot_begin_without_its_files_nor_without_its_handlers
    error = assert_raises(Treadle::InvalidArgumentError) { Treadle::Native.main(@port, options(modules: ['no_such'])) }
    assert_match(/\Ano_such: cannot load/, error.message)
    error = assert_raises(Treadle::InvalidArgumentError) { Treadle::Native.main(@port, options(handlers: ['Stranger'])) }
    assert_match(/\Anative_handlers: expected Stranger, there are .*NativeAnswers/, error.message)
  end

  def test_an_attempt_is_answered
    started.send(0, assignment('NativeAnswers', context: { say: 'yes' }))
    assert_equal({ 'said' => 'yes' }, JSON.parse(outcome.completed.results_json))
  end

  def test_an_order_that_overtakes_its_assignment_is_kept_for_it
    started.send(2, cancel('a'))
    Thread.pass until @port.awaited?(2)
    @port.send(0, assignment('NativeWaits'))
    assert_equal :FAILURE_CODE_TIMED_OUT, outcome.failed.code
  end

  def test_a_deaf_handler_loses_its_slot_and_its_answer
    started(concurrency: 1, give_up_after: 0.0).send(0, assignment('NativeIsDeaf'))
    Thread.pass until NativeIsDeaf::HEARS.num_waiting == 1
    @port.send(2, cancel('a'))
    assert_equal ['NativeIsDeaf'], deaf
    assert_predicate outcome, :released
    @port.send(0, assignment('NativeAnswers', claim_token: 'b'))
    assert_equal 'b', outcome.claim_token
    NativeIsDeaf::HEARS << nil
    assert_empty deaf
    @port.close
    @thread.join
    assert_empty @port.answers
  end

  def test_a_thread_that_a_handler_has_ended_is_replaced
    started(concurrency: 1).send(0, assignment('NativeEndsItsThread'))
    assert_equal 'ThreadError', outcome.failed.error_class
    @port.send(0, assignment('NativeAnswers'))
    assert outcome.completed
  end

  private

  def options(**given)
    JSON.generate({ modules: ['native_handlers'], concurrency: 2, max_result_bytes: 1024, app_dir: __dir__,
                    log_level: 'error', log_json: false, handlers: ALL, **given })
  end

  def start(**given)
    text = options(**given)
    @thread = Thread.new { Treadle::Native.main(@port, text) }
    @port
  end

  def started(**given)
    start(**given).tap { |port| port.answers.pop }
  end

  def introduction_of(port) = JSON.parse(port.answers.pop.last)

  def outcome
    kind, bytes = @port.answers.pop
    assert_equal 1, kind
    Treadle::V1::Outcome.decode(bytes)
  end

  def deaf
    kind, text = @port.answers.pop
    assert_equal 5, kind
    JSON.parse(text)['handlers']
  end

  def assignment(handler, claim_token: 'a', context: {})
    task = Treadle::V1::Task.new(task_id: 1, name: 'a_task', context_json: JSON.generate(context))
    Treadle::V1::Assignment.new(claim_token: claim_token, handler: handler, task: task, workflow_step_id: 2,
                                step_name: 'a_step', attempt: 1, retry_limit: 3)
  end

  def cancel(claim_token)
    Treadle::V1::Cancel.new(claim_token: claim_token, reason: :CANCEL_REASON_TIMED_OUT)
  end
end
