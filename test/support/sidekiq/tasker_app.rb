# frozen_string_literal: true

# A Sidekiq process of an app with the Rails engine (its stand-in): it runs the steps of the tasks that it is given.

require 'sidekiq'
require_relative '../tasker/job'

ActiveJob::Base.queue_adapter = :sidekiq

Sidekiq.configure_server do |config|
  Sidekiq.options[:poll_interval_average] = 0.2
  config.on(:startup) { $stdout.syswrite("ready\n") }
end
