# frozen_string_literal: true

require_relative 'test_helper'
require 'stringio'
require 'treadle/run_task'

class RunTaskTest < Minitest::Test
  NOBODY = '127.0.0.1:1'

  def setup
    @log = StringIO.new
    @before = Treadle.logger
    Treadle.logger = Logger.new(@log)
  end

  def teardown
    Treadle.logger = @before
    Treadle::RunTask.instance_variable_set(:@engines, nil)
  end

  def test_a_job_without_a_task_id_is_dropped_and_logged
    ['all of them', nil, 0, 1.5].each { |wrong| refute Treadle::RunTask.call(wrong) }
    assert_includes @log.string, 'the job is dropped task_id="all of them" error="expected a task id, got \"all of them\""'
  end

  def test_the_queue_tries_again_when_no_engine_answers
    Treadle::RunTask.configure(targets: [NOBODY, NOBODY], timeout: 5)
    assert_raises(Treadle::UnavailableError) { Treadle::RunTask.call(7) }
  end

  def test_without_an_address_there_is_nothing_to_configure
    error = assert_raises(Treadle::InvalidConfigError) { Treadle::RunTask.configure(targets: []) }
    assert_equal 'expected the address of an engine, got none', error.message
  end

  def test_the_environment_says_where_the_engines_are
    with_environment('TREADLE_TARGET' => "#{NOBODY}, #{NOBODY}") do
      assert_raises(Treadle::UnavailableError) { Treadle::RunTask.call(7) }
    end
  end

  def test_the_environment_says_whom_to_trust
    with_environment('TREADLE_TARGET' => '10.0.0.1:7465') do
      assert_match(/without TLS/, assert_raises(Treadle::InvalidConfigError) { Treadle::RunTask.call(7) }.message)
    end
    with_environment('TREADLE_TARGET' => '10.0.0.1:7465', 'TREADLE_TLS_CA' => '/no/such.pem') do
      assert_match(%r{/no/such.pem}, assert_raises(Treadle::InvalidConfigError) { Treadle::RunTask.call(7) }.message)
    end
  end

  private

  def with_environment(variables)
    before = ENV.to_h
    ENV.update(variables)
    yield
  ensure
    ENV.replace(before)
    Treadle::RunTask.instance_variable_set(:@engines, nil)
  end
end
