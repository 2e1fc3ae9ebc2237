# frozen_string_literal: true

require 'json'
require 'minitest/autorun'
require 'rbconfig'
require 'tmpdir'
require 'treadle'

# The contract of all languages (test/parity/contract/*.json), acted out by a real worker under a real engine, whose rows are
# then read by plain SQL. The engine and the templates of the cases are there already: test/parity/ruby.test.ts runs this.
module Contract
  MISSING = %w[TREADLE_TARGET DATABASE_URL TREADLE_CONTRACT].reject { |name| ENV.key?(name) }
  NEEDS = "#{MISSING.join(', ')} must be set: test/parity/ruby.test.ts does, and runs this"
  # The handlers run in the process of the engine.
  SERVED = ENV.key?('TREADLE_CONTRACT_SERVED')
  ROOT = File.expand_path('../..', __dir__)
  FOLDER = ENV.fetch('TREADLE_CONTRACT', '')
  CASES = Dir[File.join(FOLDER, '*.json')].sort.map { |file| JSON.parse(File.read(file)) }
                                          .select { |it| it.fetch('only', ['ruby']).include?('ruby') }

  SUBJECT = <<~SQL
    from tasker_workflow_steps s join tasker_named_steps n using (named_step_id)
    where s.task_id = $1 and n.name = 'subject'
  SQL
  TRAIL = <<~SQL
    select t.to_state, t.metadata, extract(epoch from t.created_at)::float8 as at
    from tasker_workflow_step_transitions t
    where t.workflow_step_id = (select s.workflow_step_id #{SUBJECT}) order by t.sort_key
  SQL
  KEPT = <<~SQL
    select s.attempts, s.results ->> 'error_code' as error_code,
      k.kept is not distinct from $2::jsonb as same, left(k.kept::text, 200) as actual
    from tasker_workflow_steps s join tasker_named_steps n using (named_step_id)
    cross join lateral (
      select case when jsonb_typeof(s.results) = 'object'
        then s.results - array['error', 'error_class', 'backtrace', 'error_code'] else s.results end as kept
    ) k
    where s.task_id = $1 and n.name = 'subject'
  SQL
  TASK = 'select to_state from tasker_task_transitions where task_id = $1 and most_recent'

  # A worker process that is started again when it dies, as by systemd.
  class Supervised
    def initialize(file, journal)
      @command = [RbConfig.ruby, '-I', File.join(ROOT, 'lib'), File.join(ROOT, 'exe', 'treadle-worker'),
                  '-r', File.join(FOLDER, '..', 'ruby', file), '--concurrency', '16', '--log-level', 'error',
                  '--target', ENV.fetch('TREADLE_TARGET')]
      @journal = journal
      @leaving = false
      start
      Thread.new { keep_running }
    end

    def stop
      @leaving = true
      Process.kill(:TERM, @pid)
      @ended.value
    rescue Errno::ESRCH
      nil
    end

    private

    def start
      @pid = spawn({ 'TREADLE_CONTRACT_JOURNAL' => @journal }, *@command)
      @ended = Process.detach(@pid)
    end

    def keep_running
      until @leaving
        @ended.value
        start unless @leaving
      end
    end
  end

  # The tasks of all cases, which run at once, and the workers that run them.
  class World
    attr_reader :client

    def self.instance = @instance ||= new

    def initialize
      require 'pg'
      @client = Treadle::Client.new(ENV.fetch('TREADLE_TARGET'))
      @connection = PG.connect(ENV.fetch('DATABASE_URL'))
      @connection.type_map_for_results = PG::BasicTypeMapForResults.new(@connection)
      @folder = Dir.mktmpdir('contract')
      @journal = SERVED ? ENV.fetch('TREADLE_CONTRACT_JOURNAL') : File.join(@folder, 'journal')
      File.write(@journal, '')
      @workers = SERVED ? [] : %w[contract_handler.rb contract_deadly.rb].map { |file| Supervised.new(file, @journal) }
      created = @client.create_tasks(CASES.map { |it| request_of(it) })
      @task_ids = CASES.map { |it| it['name'] }.zip(created.map(&:task_id)).to_h
      Minitest.after_run { close }
    end

    def task_id(name) = @task_ids.fetch(name)

    def ask(query, *parameters) = @connection.exec_params(query, parameters).to_a

    def state(task_id) = ask(TASK, task_id).first&.fetch('to_state') || 'pending'

    def trail(task_id)
      ask(TRAIL, task_id).map do |row|
        metadata = row['metadata']
        row.merge('metadata' => metadata.is_a?(String) ? JSON.parse(metadata) : metadata)
      end
    end

    def notes(task_id)
      lines = File.readlines(@journal, chomp: true, encoding: 'UTF-8').map { |line| line.split(' ', 2) }
      lines.filter_map { |about, note| note if about == task_id.to_s }
    end

    private

    def request_of(one)
      { name: one['name'], namespace: 'contract', context: one.fetch('context', { 'order_id' => 1 }), initiator: 'contract',
        source_system: 'parity', reason: 'one behaviour', tags: ['contract'] }
    end

    def close
      @workers.each(&:stop)
      @connection.close
      FileUtils.rm_rf(@folder)
    end
  end
end

class ContractTest < Minitest::Test
  ENDS = %w[complete error cancelled resolved_manually].freeze
  SECONDS = 30

  Contract::CASES.each do |one|
    define_method("test_#{one['name']}") { act_out(one) } unless Contract::MISSING.any?
  end

  if Contract::MISSING.any?
    def test_that_the_contract_is_given
      ENV['CI'] == 'true' ? flunk(Contract::NEEDS) : skip(Contract::NEEDS)
    end
  end

  private

  def world = Contract::World.instance

  def act_out(one)
    expected = one['expect']
    task_id = world.task_id(one['name'])
    cancel(task_id) if one['cancelled_while_running']
    wait_until('the task has ended') { ENDS.include?(world.state(task_id)) }
    check_trail(expected, world.trail(task_id), world.state(task_id))
    check_results(expected, world.ask(Contract::KEPT, task_id, JSON.generate(ContractValues.of(expected['results']), max_nesting: 0)).first)
    check_failure(expected['failure'], world.trail(task_id).reverse.find { |row| row['to_state'] == 'error' }&.fetch('metadata'))
    return unless expected['journal']

    wait_until("the journal says #{expected['journal']}") { world.notes(task_id) == expected['journal'] }
  end

  def cancel(task_id)
    wait_until('the handler works') { world.notes(task_id).include?('1 process') }
    world.client.cancel_task(task_id)
  end

  def check_trail(expected, trail, state)
    states = trail.map { |row| row['to_state'] == 'error' ? "error:#{row['metadata']['code']}" : row['to_state'] }
    assert_equal expected['transitions'], states, trail.last['metadata'].to_s[0, 400]
    assert_equal expected['task'], state
    assert_equal expected['step'], trail.last['to_state']
    assert_operator waited(trail), :>=, expected.fetch('waited_seconds', 0)
  end

  def check_results(expected, row)
    assert_equal expected['attempts'], row['attempts'].to_i
    assert row['same'], "expected the results #{expected['results'].to_s[0, 200]}, got #{row['actual']}"
    code = expected.dig('failure', 'error_code')
    code ? assert_equal(code, row['error_code']) : assert_nil(row['error_code'])
  end

  def check_failure(expected, actual)
    return assert_nil(actual) unless expected

    assert_equal expected['code'], actual['code']
    assert_fits expected['error'], actual['error_message']
    assert_fits expected['error_class'], actual['error_class'] if expected['error_class']
  end

  def assert_fits(expected, actual)
    return assert_equal(expected, actual) if expected.is_a?(String)

    expected.key?('contains') ? assert_includes(actual, expected['contains']) : assert_equal(expected['ruby'], actual)
  end

  # Seconds from the first failure to the start after it.
  def waited(trail)
    failed = trail.index { |row| row['to_state'] == 'error' }
    start = failed && trail.drop(failed).find { |row| row['to_state'] == 'in_progress' }
    start ? start['at'] - trail[failed]['at'] : 0
  end

  def wait_until(what)
    give_up = Process.clock_gettime(Process::CLOCK_MONOTONIC) + SECONDS
    until yield
      flunk "after #{SECONDS} s it does not hold that #{what}" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > give_up
      sleep 0.02
    end
  end
end

require File.join(Contract::FOLDER, '..', 'ruby', 'contract_values') unless Contract::MISSING.any?
