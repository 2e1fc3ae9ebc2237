# frozen_string_literal: true

require_relative 'rails_app'

# Tasks that ActiveRecord makes, for a template that the engine has registered.
class CreatingSuite < RailsApp::WritingTest
  def test_a_task_made_by_activerecord_is_run
    task = ends(create('yes', initiator: 'web', reason: 'a test', tags: %w[a]), 'complete')
    assert_equal [%w[pending in_progress complete], [0, 10, 20]],
                 task.task_transitions.order(:sort_key).pluck(:to_state, :sort_key).transpose
    assert_equal ['0.10.0', 'web', 'a test', %w[a], [], true],
                 [task.version, task.initiator, task.reason, task.tags, task.bypass_steps, task.complete]
    assert_equal task.workflow_steps.map(&:inputs).uniq, [task.context]
  end

  def test_it_is_like_one_that_the_engine_makes
    ours, theirs = ends(create('yes'), 'complete'), task(:complete)
    look = lambda do |task|
      steps = task.workflow_steps.includes(:named_step, :parents)
      steps.map { |it| [it.name, it.retryable, it.retry_limit, it.skippable, it.attempts, it.parents.map(&:name).sort] }
    end
    assert_equal look[theirs], look[ours]
    assert_equal [theirs.named_task, theirs.workflow_summary], [ours.named_task, ours.workflow_summary]
  end

  def test_nothing_of_it_is_there_after_a_rollback
    Task.transaction { create('yes', identity: 'rolled back') && raise(ActiveRecord::Rollback) }
    refute Task.exists?(identity_hash: 'rolled back')
  end

  def test_an_older_version_and_steps_that_are_bypassed
    task = ends(create('yes', version: '0.9.0', bypass_steps: ['reserve']), 'complete')
    assert_equal ['0.9.0', 'resolved_manually', 'complete'], [task.version, *states(task).values_at('reserve', 'ship')]
    assert_equal 0, task.get_step_by_name('reserve').attempts
  end

  # What docs/rails-models.md asks for.
  RIGHTS = ['usage on schema treadle', 'select, insert, update on all tables in schema public',
            'usage on all sequences in schema public',
            'select on treadle.step_definitions, treadle.step_dependencies, treadle.task_definitions, treadle.clock',
            'select, insert on treadle.deadlines'].freeze
  def test_a_role_with_few_rights_can_do_it
    Record.transaction do
      grants = RIGHTS.map { |it| "grant #{it} to rails_app;" }.join
      Record.connection.execute("create role rails_app; #{grants} set local role rails_app")
      task = create('yes', deadline_at: Time.now + 3600, bypass_steps: %w[reserve])
      task.cancel!(by: 'me')
      assert_equal ['rails_app', 'cancelled'], [value('select current_user::text'), task.status]
      raise ActiveRecord::Rollback
    end
  end

  def test_a_deadline_is_kept
    task = ends(create('hold', deadline_at: Time.now + 1), 'error')
    assert_equal 'deadline', task.task_transitions.recent.first.get_metadata('triggered_by')
  end

  def test_equal_requests_of_one_minute_are_one_task
    at = Time.now
    create('yes', requested_at: at, identity: :hash, reason: at.to_f.to_s)
    again = { requested_at: at, identity: :hash, reason: at.to_f.to_s }
    refused = assert_raises(ActiveRecord::RecordInvalid) { create('yes', **again) }
    assert_equal ['is identical to a request made in the last minute'], refused.record.errors[:identity_hash]
    key = "key #{at.to_f}"
    assert_equal key, create('yes', identity: key).identity_hash
    assert_raises(ActiveRecord::RecordInvalid) { Task.transaction { create('yes', identity: key) } }
  end

  # The text that is hashed, as Rails and the engine write it.
  def test_identity_is_that_of_rails
    task = Task.new(named_task: NamedTask.new(name: 'x'), initiator: 'a<b', source_system: 's', reason: 'r',
                    context: { 'b' => 1, 'a' => 'é&' }, requested_at: Time.utc(2025, 7, 13, 9, 5, 59))
    text = '{"name":"x","initiator":"a\u003cb","source_system":"s","context":{"b":1,"a":"é\u0026"},"reason":"r",' \
           '"bypass_steps":[],"requested_at":"2025-07-13 09:05"}'
    assert_equal Digest::SHA256.hexdigest(text), Identity.of(task, :hash)
  end

  def test_what_cannot_be_created_is_refused
    nobody = { namespace: 'shop', context: { a: 1 } }
    assert_match(%r{for shop/nobody\z}, refused(Treadle::UnknownTemplateError) { Task.create_with_steps!('nobody', **nobody) })
    assert_raises(Treadle::UnknownTemplateError) { create('yes', initiator: 'refused', version: '7.0.0') }
    [{}, nil, 'x', [1]].each do |context|
      assert_raises(Treadle::InvalidContextError) { Task.create_with_steps!('rails_order', namespace: 'shop', context: context) }
    end
    bypass = ->(name) { refused(Treadle::InvalidArgumentError) { create('yes', initiator: 'refused', bypass_steps: [name]) } }
    assert_match(/does not say skippable\z/, bypass['charge'])
    assert_match(/has no such step\z/, bypass['x'])
    assert_raises(Treadle::InvalidArgumentError) { create('yes', initiator: 'refused', identity: 'x' * 129) }
    refute Task.exists?(initiator: 'refused')
  end
end
