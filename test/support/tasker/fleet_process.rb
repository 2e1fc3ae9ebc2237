# frozen_string_literal: true

# A process of a Rails app with the Rails engine: jobs run in threads of its own, `run <task_id>` on stdin enqueues one, and with
# TAKE_OVER=1 it takes what Treadle has for it every 50 ms, as a cron would more slowly. It ends when stdin does.

require_relative 'job'

$stdout.sync = true
ActiveJob::Base.queue_adapter = ActiveJob::QueueAdapters::AsyncAdapter.new(min_threads: 4, max_threads: 4, idletime: 600.seconds)

def take_over
  loop do
    Treadle::Rails.take_over_tasks
    sleep 0.05
  end
rescue StandardError => e
  warn "take_over_tasks: #{e.message}"
  retry
end

Thread.new { take_over } if ENV['TAKE_OVER'] == '1'
puts 'ready'
$stdin.each_line { |line| Tasker::TaskRunnerJob.perform_later(Integer(line[/\d+/])) }
exit!(0)
