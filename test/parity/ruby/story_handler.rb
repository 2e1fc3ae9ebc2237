# frozen_string_literal: true

# The handler of test/stories/workers-die.test.ts: says that it began, waits at a gate where there is one, says who it was.
class StoryHandler < Treadle::StepHandler
  def process(task, _sequence, step)
    $stdout.syswrite("#{task.task_id}/#{step.name}/#{step.attempt}\n")
    gate = ENV.fetch('STORY_GATE', nil)
    until gate.nil? || File.exist?(gate)
      step.raise_if_cancelled!
      step.wait_for_cancel(0.01)
    end
    { by: ENV.fetch('STORY_NAME') }
  end
end
