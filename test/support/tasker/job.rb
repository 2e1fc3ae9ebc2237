# frozen_string_literal: true

# Tasker::TaskRunnerJob as the Rails engine declares it, on the stand-in for its coordinator. Every step notes in the table fleet_log that
# Rails has run it, and waits for as long as the gate `rails` is closed.

require 'active_job'
require_relative 'coordinator'

ActiveRecord::Base.establish_connection("#{ENV.fetch('DATABASE_URL')}?pool=20")

module Tasker
  class TaskRunnerJob < ActiveJob::Base
    queue_as :default
    retry_on StandardError, wait: 1.second, attempts: 3

    def perform(task_id, correlation_id: nil)
      coordinator = Coordinator.new(task_id) { |step| work(step) }
      coordinator.handle
      raise "task #{task_id} is not complete" unless coordinator.complete?
    end

    private

    def work(step)
      connection = ActiveRecord::Base.connection
      connection.execute("insert into fleet_log (workflow_step_id, engine) values (#{step.id}, 'rails')")
      $stdout.syswrite("runs step #{step.id}\n")
      sleep 0.02 while gate_closed?(connection)
      { by: 'rails' }
    end

    def gate_closed?(connection)
      connection.uncached { connection.select_value("select count(*) from fleet_gates where name = 'rails'") }.to_i.positive?
    end
  end
end

Treadle::Rails::Fleet.guard!(Tasker::TaskRunnerJob) if ENV['GUARD'] == '1'
ActiveJob::Base.logger = Logger.new($stdout, formatter: ->(_level, _time, _program, message) { "#{message}\n" })
