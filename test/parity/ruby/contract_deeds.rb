# frozen_string_literal: true

require 'treadle'
require_relative 'contract_values'

# Acts out the contract in Ruby: what the files say of an attempt, and nothing else; the twin of contract-handler.ts.
module ContractDeeds
  TASK_FACTS = %i[namespace_name name version initiator source_system reason tags].freeze

  def before(task, _sequence, step)
    note(task, step, 'before')
    raise_it(deed(step)['before_throws'])
  end

  def process(task, sequence, step)
    note(task, step, 'process')
    change_results(step)
    take_time(task, step)
    Process.kill(:KILL, Process.pid) if deed(step)['kills_its_process']
    raise_it(deed(step)['throws'])
    what = deed(step)['shows']
    what ? shown(what, task, sequence, step) : ContractValues.of(deed(step)['returns'])
  end

  def process_results(step, output, initial_results)
    raise_it(deed(step)['process_results_throws'])
    return super unless deed(step).key?('process_results_sets')

    step.results = ContractValues.of(deed(step)['process_results_sets'])
  end

  def after(task, _sequence, step, outcome)
    note(task, step, "after #{outcome.kind}")
    raise_it(deed(step)['after_throws'])
  end

  private

  def deed(step)
    config['does'][[step.attempt, config['does'].size].min - 1]
  end

  def note(task, step, word)
    return unless step.name == 'subject'

    File.write(ENV.fetch('TREADLE_CONTRACT_JOURNAL'), "#{task.task_id} #{step.attempt} #{word}\n", mode: 'a')
  end

  def change_results(step)
    step.results if deed(step)['reads_results']
    step.results = ContractValues.of(deed(step)['sets_results']) if deed(step).key?('sets_results')
    step.results.update(ContractValues.of(deed(step)['adds_to_results'])) if deed(step).key?('adds_to_results')
  end

  def take_time(task, step)
    sleep(deed(step)['sleeps_seconds']) if deed(step)['sleeps_seconds']
    return unless deed(step)['waits_for_stop']

    step.wait_for_cancel
    note(task, step, 'stopped')
    step.raise_if_cancelled!
  end

  def raise_it(thrown)
    return unless thrown

    message = ContractValues.of(thrown['message'])
    case thrown['kind']
    when 'exit' then exit
    when 'permanent' then raise Treadle::PermanentError.new(message, error_code: thrown['error_code'])
    when 'retryable' then raise Treadle::RetryableError.new(message, retry_after: thrown['retry_after'])
    else raise TypeError, message
    end
  end

  def shown(what, task, sequence, step)
    case what
    when 'context' then task.context
    when 'parents' then sequence.names.to_h { |name| [name, sequence.result(name)] }
    when 'config' then config.reject { |key, _| key == 'does' }
    when 'limit' then { total: config['limit'] }
    when 'step' then { name: step.name, attempt: step.attempt, retry_limit: step.retry_limit }
    when 'earlier_results' then step.initial_results.keys.sort
    when 'a_stranger' then sequence.result('a_stranger')
    else TASK_FACTS.to_h { |fact| [fact, task.public_send(fact)] }
    end
  end
end
