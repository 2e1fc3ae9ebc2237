# frozen_string_literal: true

require_relative 'story'

# Each in a process of its own: gRPC must not have been used before the fork, and these tests use it.
class ForkingTest < Story::Test
  PREAMBLE = <<~RUBY
    require 'treadle'
    require '#{File.join(__dir__, 'story_handlers.rb')}'
    Treadle.logger = Logger.new(IO::NULL)
    client = Treadle::Client.new(ENV.fetch('TREADLE_TARGET'))
    worker = Treadle::Worker.new(targets: ENV.fetch('TREADLE_TARGET'), concurrency: 2)
  RUBY

  def test_what_was_made_before_a_fork_works_in_the_children
    said = ruby(<<~RUBY)
      pids = 2.times.map do
        fork do
          worker.start
          task = client.create_task('ruby_story', context: { pid: Process.pid })
          $stdout.syswrite("\#{client.wait_for_task(task.task_id, timeout: 20).state}\\n")
          worker.stop
        end
      end
      pids.each { |pid| Process.wait(pid) }
    RUBY
    assert_equal %w[complete complete], said.split
  end

  def test_a_worker_of_the_parent_is_none_of_the_child
    said = ruby("worker.start\n$stdout.syswrite(worker.running?)\nfork { $stdout.syswrite(worker.running?) }\n" \
                "Process.wait\n$stdout.syswrite(worker.stop)")
    assert_equal 'truefalsetrue', said
  end

  def test_a_client_that_was_used_before_the_fork_says_what_to_do
    said = ruby("client.templates\nfork { client.templates } rescue 0\nProcess.wait")
    assert_includes said, 'make clients and workers after the fork'
  end

  private

  def ruby(script)
    environment = { 'TREADLE_TARGET' => world.target, 'DATABASE_URL' => world.url }
    command = [RbConfig.ruby, '-I', File.join(Story::ROOT, 'lib'), '-e', PREAMBLE + script]
    IO.popen(environment, command, err: %i[child out], &:read)
  end
end
