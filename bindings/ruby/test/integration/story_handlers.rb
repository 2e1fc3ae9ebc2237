# frozen_string_literal: true

require 'treadle'

module Story
  # Does what the task's context says.
  class First < Treadle::StepHandler
    def process(task, _sequence, step)
      case task.context[:do]
      when 'wait' then wait(step)
      when 'sleep' then sleep(task.context[:seconds])
      when 'stubborn' then stubborn(step)
      when 'pg' then return on_pg(task, step)
      when 'active_record' then return on_active_record(task, step)
      when 'kill_thread' then Thread.current.kill
      when 'fail' then raise Treadle::PermanentError.new('as it was told', error_code: 'TOLD')
      end
      { greeting: config[:greeting], attempt: step.attempt, thread: Thread.current.object_id, pid: Process.pid }
    end

    private

    # Repeats what it says: whoever begins to watch late hears it too.
    def wait(step)
      step.progress(0.5, 'waiting') until step.wait_for_cancel(0.05)
      step.raise_if_cancelled!
    end

    # Looks at nothing, and ends when a file is there.
    def stubborn(step)
      until File.exist?(config_file)
        step.progress(nil, 'stubborn')
        sleep 0.05
      end
    end

    def config_file = ENV.fetch('STORY_FILE')

    def on_pg(task, step)
      require 'pg'
      connection = PG.connect(ENV.fetch('DATABASE_URL'))
      step.transaction(connection) do |tx|
        write(tx, task, step)
        break 'left' if task.context[:then] == 'break'

        { noted: true }
      end
    ensure
      connection&.close
    end

    def on_active_record(task, step)
      connect_active_record
      step.transaction do |tx|
        write(tx, task, step)
        break 'left' if task.context[:then] == 'break'

        { noted: true }
      end
    end

    CONNECTING = Mutex.new
    private_constant :CONNECTING

    # Once, with the usual pool of five connections.
    def connect_active_record
      CONNECTING.synchronize do
        require 'active_record'
        @@pool ||= ActiveRecord::Base.establish_connection(ENV.fetch('DATABASE_URL')) # rubocop:disable Style/ClassVars
      end
    end

    # Writes a note, and then does what the test wants to see undone.
    def write(tx, task, step)
      tx.query('insert into notes (task_id) values ($1)', [task.task_id])
      case task.context[:then]
      when 'raise' then raise Treadle::PermanentError, 'no'
      when 'lose' then tx.query('delete from treadle.claims where workflow_step_id = $1', [step.workflow_step_id])
      end
    end
  end

  # Shows what it got.
  class Second < Treadle::StepHandler
    def process(_task, sequence, _step) = { first: sequence.result('first') }
  end
end
