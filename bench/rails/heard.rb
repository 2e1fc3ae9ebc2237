# frozen_string_literal: true

# How long after a commit of an application Treadle has gone on, as the application sees it: it writes by treadle/rails, and asks
# again and again until what Treadle makes of it is there. ARGV: how many times. Says the milliseconds of each in JSON.
require 'active_record'
require 'json'
require 'treadle/rails'

ActiveRecord::Base.establish_connection(ENV.fetch('DATABASE_URL'))
include Treadle::Rails # rubocop:disable Style/MixinUsage

PATIENCE = 30 # seconds

def until_it_is_so(what)
  began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  loop do
    satisfied = Record.uncached { yield }
    ms = (Process.clock_gettime(Process::CLOCK_MONOTONIC) - began) * 1000
    return ms if satisfied

    abort "expected #{what} within #{PATIENCE} s" if ms > PATIENCE * 1000
  end
end

def made(deed)
  Task.create_with_steps!('checkout', namespace: 'heard', context: { 'charge' => deed }, source_system: 'rails')
end

# Its step `charge`, when it has come that far.
def charge_of(task, state)
  task.get_step_by_name('charge').tap { |step| until_it_is_so("#{state} of #{step.id}") { step.reload.status == state } }
end

def failed_charge
  task = made('fail')
  until_it_is_so("error of task #{task.id}") { task.task_transitions.exists?(to_state: 'error', most_recent: true) }
  task.get_step_by_name('charge')
end

WAITS = {
  'a new task: started' => lambda {
    task = made('yes')
    until_it_is_so('a start') { task.task_transitions.exists?(to_state: 'in_progress') }
  },
  'a step resolved: its child runs' => lambda {
    step = failed_charge
    child = step.task.get_step_by_name('ship')
    step.resolve!(by: 'bench')
    until_it_is_so('a start of the child') { child.workflow_step_transitions.exists? }
  },
  'a step retried: it runs again' => lambda {
    step = failed_charge
    step.retry!(by: 'bench')
    until_it_is_so('a second attempt') { step.workflow_step_transitions.where(to_state: 'error').count > 1 }
  },
  'a task cancelled: its steps cancelled' => lambda {
    step = charge_of(made('hold'), 'in_progress')
    step.task.cancel!(by: 'bench')
    until_it_is_so('the running step cancelled') { step.workflow_step_transitions.exists?(to_state: 'cancelled') }
  }
}.freeze

WAITS.each_value(&:call)
heard = WAITS.transform_values { [] }
Integer(ARGV.fetch(0)).times { WAITS.each { |what, wait| heard[what] << wait.call } }
puts JSON.generate(heard.map { |what, ms| { what: what, ms: ms } })
