# frozen_string_literal: true

require_relative 'test_helper'
require 'rbconfig'
require 'tmpdir'

class CliTest < Minitest::Test
  ROOT = File.expand_path('..', __dir__)

  def test_it_says_what_it_takes
    said, status = worker('--help')
    assert_equal 0, status
    %w[--require --target --concurrency --grace --name --token --tls-ca --tls-cert --tls-key --log-level --log-json].each do |option|
      assert_includes said, option
    end
    assert_equal ["#{Treadle::VERSION}\n", 0], worker('--version')
  end

  def test_wrong_arguments_are_told_in_one_line
    { [] => 'missing argument: -r FILE', %w[--nonsense] => 'invalid option', %w[-r /no/such] => '/no/such: cannot load',
      %w[-r json stray] => 'invalid argument: stray', %w[-r json -t engine:1] => 'is not on this machine',
      %w[-r json] => 'handlers: expected at least one', %w[-r json -c 0] => 'concurrency' }.each do |arguments, words|
      said, status = worker(*arguments)
      assert_equal [2, 1], [status, said.lines.size], said
      assert_includes said, words
    end
  end

  def test_a_folder_means_all_files_in_it
    Dir.mktmpdir do |folder|
      File.write(File.join(folder, 'one.rb'), "raise Treadle::Error, 'it was loaded'")
      assert_equal ["treadle-worker: it was loaded\n", 1], worker('-r', folder)
    end
  end

  private

  def worker(*arguments)
    command = [RbConfig.ruby, '-I', File.join(ROOT, 'lib'), File.join(ROOT, 'exe', 'treadle-worker'), *arguments]
    said = IO.popen(command, err: %i[child out], &:read)
    [said, $?.exitstatus]
  end
end
