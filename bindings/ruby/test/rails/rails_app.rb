# frozen_string_literal: true

# What a Rails application is to these suites: ActiveRecord on the engine's database, and treadle/rails. They are run by
# test/parity/rails.test.ts, which says in TREADLE_CAST which task is in which state.

require 'active_record'
require 'json'
require 'minitest/autorun'
require 'treadle/rails'

ActiveRecord::Base.establish_connection(ENV.fetch('DATABASE_URL'))

module RailsApp
  include Treadle::Rails
  CAST = JSON.parse(ENV.fetch('TREADLE_CAST', '{}')).freeze
  PATIENCE = 15 # seconds

  # A test sees the task that is named so.
  class Test < Minitest::Test
    include Treadle::Rails

    def task(name) = Task.find(CAST.fetch(name.to_s))
    def charge(name) = task(name).get_step_by_name('charge')
    def names(tasks) = CAST.invert.values_at(*tasks.map(&:id)).compact.sort
    def sql(text, *values) = Record.connection.select_all(Record.sanitize_sql_array([text, *values]))
    def value(text, *values) = sql(text, *values).cast_values.first

    # One instant for all reads: others may write meanwhile.
    def snapshot(&block) = Record.transaction(isolation: :repeatable_read, &block)

    # How many statements the block asks.
    def statements
      asked = []
      heard = ->(*, payload) { asked << payload[:sql] unless payload[:name] == 'SCHEMA' }
      ActiveSupport::Notifications.subscribed(heard, 'sql.active_record') { yield }
      asked.size
    end

    # Asks again and again, as fast as the database answers. Seconds until it was so.
    def eventually(what)
      began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      loop do
        satisfied = yield
        seconds = Process.clock_gettime(Process::CLOCK_MONOTONIC) - began
        return seconds if satisfied

        flunk "not within #{PATIENCE} s: #{what}" if seconds > PATIENCE
      end
    end
  end

  # A test that makes tasks of its own and sees them to their end.
  class WritingTest < Test
    # The step `charge` of it does the deed.
    def create(deed, **request)
      Task.create_with_steps!('rails_order', namespace: 'shop', context: { 'charge' => deed }, source_system: 'rails', **request)
    end

    def failed_task = ends(create('fail'), 'error')
    def states(task) = task.workflow_steps.to_h { |it| [it.name, it.status] }
    def refused(error, &block) = assert_raises(error, &block).message

    # Waits until it is in that state, or in any that is an end, with nothing broken.
    def ends(task, state = nil)
      eventually("#{state || 'an end'} of #{task.id}") do
        now = task.reload.status
        state ? now == state : !%w[pending in_progress].include?(now)
      end
      assert_equal [], sql('select * from treadle.check_invariants(array[?]::bigint[])', task.id).to_a
      task.reload # its columns may have been read before its state
    end

    # Says the median of these milliseconds, and answers with it.
    def measured(what, waits)
      median = waits.sort[waits.size / 2]
      puts format('rails: %<what>s %<median>.1f ms after the commit (median of %<count>d, longest %<longest>.1f ms)',
                  what: what, median: median, count: waits.size, longest: waits.max)
      median
    end
  end
end
