# frozen_string_literal: true

require_relative 'rails_app'

# How long after a commit the engine has gone on, as the application sees it.
class LatencySuite < RailsApp::WritingTest
  SAMPLES = 25
  LONGEST = 1000 # ms, for a median: some ten are expected, and machines may be busy

  def test_the_engine_goes_on_at_once
    waits = Array.new(SAMPLES) do
      task = create('yes')
      eventually('it is started') { task.task_transitions.where(to_state: 'in_progress').exists? } * 1000
    end
    assert_operator measured('a task made by ActiveRecord is started', waits), :<, LONGEST
  end

  def test_the_engine_goes_on_at_once_after_a_step_was_resolved
    waits = Array.new(SAMPLES) do
      charge, ship = %w[charge ship].then { |names| failed_task.workflow_steps.select { |it| names.include?(it.name) } }
      charge.resolve!(by: 'me')
      eventually('its child runs') { ship.workflow_step_transitions.exists? } * 1000
    end
    assert_operator measured('a task whose step was resolved goes on', waits), :<, LONGEST
  end
end
