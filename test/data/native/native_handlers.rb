# frozen_string_literal: true

# Handlers for the tests of the native addon: each does one thing that an embedded VM may get wrong.

require 'bigdecimal'
require 'fiddle'
require 'openssl'
require 'pg'
require 'timeout'

class Echo < Treadle::StepHandler
  def process(task, _sequence, _step) = task.context
end

class Declines < Treadle::StepHandler
  def process(_task, _sequence, _step)
    raise Treadle::PermanentError.new('the card is stolen', error_code: 'card_declined')
  end
end

# Each goes on only when four of them run.
class FourAtOnce < Treadle::StepHandler
  MUTEX = Mutex.new
  ALL = ConditionVariable.new

  class << self
    attr_accessor :here
  end
  self.here = 0

  def process(_task, _sequence, _step)
    MUTEX.synchronize do
      self.class.here += 1
      ALL.broadcast
      ALL.wait(MUTEX, 30) while self.class.here < 4
    end
  end
end

class Burns < Treadle::StepHandler
  def process(task, _sequence, _step)
    till = Process.clock_gettime(Process::CLOCK_MONOTONIC) + task.context[:seconds]
    turns = 0
    turns += 1 while Process.clock_gettime(Process::CLOCK_MONOTONIC) < till
    { turns: turns }
  end
end

# Compiled code of gems: what it is linked with is there, and works.
class Extensions < Treadle::StepHandler
  def process(_task, _sequence, _step)
    key = OpenSSL::PKey::RSA.new(1024)
    { sum: (BigDecimal('0.1') + BigDecimal('0.2')).to_s('F'), verified: key.verify('SHA256', key.sign('SHA256', 'text'), 'text'),
      quoted: PG::Connection.quote_ident('a"b'), main_thread: Thread.current == Thread.main }
  end
end

# Asks Postgres on a connection of its own: libpq waits while the VM goes on.
class Asks < Treadle::StepHandler
  def process(_task, _sequence, _step)
    connection = PG.connect(ENV.fetch('NATIVE_TEST_DATABASE'))
    { sum: connection.exec('select 40 + 2 as sum').getvalue(0, 0) }
  ensure
    connection&.close
  end
end

class TakesTooLong < Treadle::StepHandler
  def process(_task, _sequence, _step)
    Timeout.timeout(0.01) { Thread::Queue.new.pop }
  rescue Timeout::Error => e
    { said: e.message }
  end
end

class Collects < Treadle::StepHandler
  def process(_task, _sequence, _step)
    GC.stress = true
    made = Array.new(3) { |number| [number.to_s, { number => Thread.new { number * 2 }.value }] }
    { last: made.last.first }
  ensure
    GC.stress = false
    GC.start
  end
end

class Recurses < Treadle::StepHandler
  def process(task, sequence, step) = [process(task, sequence, step)]
end

class Leaves < Treadle::StepHandler
  def process(task, _sequence, _step)
    task.context[:how] == 'exit' ? exit : Thread.exit
  end
end

class Shell < Treadle::StepHandler
  def process(_task, _sequence, _step)
    said = `echo from ruby; exit 3`
    { said: said.strip, status: $?.exitstatus, went_well: system('true'), piped: IO.popen(['echo', 'piped'], &:read).strip,
      detached: Process.detach(spawn('exit 4')).value.exitstatus }
  end
end

class Listens < Treadle::StepHandler
  def process(_task, _sequence, step)
    step.progress(nil, 'it runs')
    step.wait_for_cancel
    step.raise_if_cancelled!
  end
end

class Asleep < Treadle::StepHandler
  AWAKE = Thread::Queue.new

  def process(_task, _sequence, step)
    step.progress(nil, 'it runs')
    AWAKE.pop
  end
end

# Deaf at its first attempt.
class AsleepOnce < Treadle::StepHandler
  def process(_task, _sequence, step)
    Thread::Queue.new.pop if step.attempt == 1
  end
end

class WakesThem < Treadle::StepHandler
  def process(_task, _sequence, _step)
    Asleep::AWAKE << nil until Asleep::AWAKE.num_waiting.zero?
  end
end

# Takes its process with it at the first attempt.
class DiesOnce < Treadle::StepHandler
  def process(_task, _sequence, step)
    return { lives: true } if step.attempt > 1

    case config[:by]
    when 'exit' then exit!(0)
    when 'segfault' then Fiddle::Function.new(0xdead000, [], Fiddle::TYPE_VOID).call
    when 'overflow' then nested.hash
    end
  end

  private

  # Deep enough for C code that does not look at the stack.
  def nested = 300_000.times.reduce([]) { |inner, _| [inner] }
end
