# frozen_string_literal: true

require_relative 'test_helper'
require 'rbconfig'

class TypesTest < Minitest::Test
  ROOT = File.expand_path('..', __dir__)
  VALIDATE = 'RBS::CLI.new(stdout: $stdout, stderr: $stderr).run(%w[-I sig validate --silent])'

  def setup
    Gem::Specification.find_by_name('rbs')
  rescue Gem::MissingSpecError
    ENV['CI'] == 'true' ? flunk('the gem rbs must be installed: it comes with Ruby') : skip('the gem rbs is not installed')
  end

  def test_the_types_are_whole
    assert_equal ['', true], ruby({}, '-r', 'rbs', '-r', 'rbs/cli', '-e', VALIDATE)
  end

  # The library itself compares each call with sig/ here.
  def test_the_types_are_those_of_the_library
    checked = { 'RBS_TEST_TARGET' => 'Treadle,Treadle::*,Tasker::*', 'RBS_TEST_OPT' => '-I sig', 'RBS_TEST_LOGLEVEL' => 'error' }
    %w[lifecycle declaration compat log].each do |suite|
      said, passed = ruby(checked, '-r', 'rbs/test/setup', '-I', 'lib', '-I', 'test', "test/#{suite}_test.rb")
      assert passed, said
    end
  end

  private

  def ruby(environment, *arguments)
    said = IO.popen(environment, [RbConfig.ruby, *arguments], chdir: ROOT, err: %i[child out], &:read)
    [said, $?.success?]
  end
end
