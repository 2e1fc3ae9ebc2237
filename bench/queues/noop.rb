# frozen_string_literal: true

# What Sidekiq loads: Treadle's job, or with BARE=1 a job in its place that does nothing and says which it was.

require 'sidekiq'

if ENV['BARE'] == '1'
  module Treadle
    class RunTaskJob
      include Sidekiq::Worker

      def perform(task_id, *) = $stdout.syswrite("ran #{task_id}\n")
    end
  end
else
  require 'treadle/sidekiq'
end

Sidekiq.configure_server do |config|
  Sidekiq.logger.level = Logger::WARN
  config.on(:startup) { $stdout.syswrite("ready\n") }
end
