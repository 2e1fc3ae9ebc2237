# frozen_string_literal: true

require_relative 'story'

class ClientTest < Story::Test
  def test_a_task_is_created_once_for_its_key
    key = SecureRandom.hex
    created = Array.new(2) { client.create_task('ruby_story', context: { a: 1 }, identity_key: key) }
    assert_equal [true, false, 1], [*created.map(&:created?), created.map(&:task_id).uniq.size]
  end

  def test_a_task_is_what_was_asked_for
    asked = { context: { a: 1 }, identity_key: SecureRandom.hex, tags: %w[x], reason: 'why', initiator: 'me' }
    task = client.get_task(client.create_task('ruby_story', **asked).task_id)
    assert_equal ['default', 'ruby_story', '0.1.0', { 'a' => 1 }, %w[x], 'why', 'me'],
                 task.to_h.values_at(:namespace_name, :name, :version, :context, :tags, :reason, :initiator)
  end

  def test_many_are_created_at_once_and_listed_page_by_page
    namespace_tasks = client.create_tasks(Array.new(5) { { name: 'ruby_story', context: { nonce: SecureRandom.hex } } })
    listed = client.list_tasks(name: 'ruby_story', page_size: 2).first(5).map(&:task_id)
    assert_equal namespace_tasks.map(&:task_id).sort.reverse, listed
    assert_empty client.list_tasks(name: 'no_such_task').to_a
    assert_raises(ArgumentError) { client.list_tasks(state: 'nonsense') }
  end

  def test_errors_have_their_class_code_and_details
    unknown = assert_raises(Treadle::UnknownTaskError) { client.get_task(9_999_999) }
    assert_equal ['unknown_task', '9999999'], [unknown.code, unknown.details[:task_id]]
    invalid = assert_raises(Treadle::InvalidContextError) { client.create_task('ruby_story', context: {}) }
    assert_equal %w[context], invalid.details[:violations].keys
    assert_raises(Treadle::UnknownTemplateError) { client.create_task('nobody', context: { a: 1 }) }
    assert_raises(Treadle::InvalidArgumentError) { client.create_task('ruby_story', context: { a: Float::NAN }) }
  end

  def test_nobody_there_is_unavailable
    assert_raises(Treadle::UnavailableError) { Treadle::Client.new('127.0.0.1:1', timeout: 5).templates }
    assert_raises(Treadle::WaitTimeoutError) { client.wait_for_task(create, timeout: 0.3) }
  end

  def test_watching_shows_steps_and_ends_with_the_task
    changes = []
    client.watch_task(create, timeout: Story::SECONDS).each do |change|
      worker if changes.empty? # what it does before the watch begins is no change
      changes << change
    end
    assert_equal %w[first second], changes.grep(Treadle::Client::StepDetails).select { |it| it.state == 'complete' }.map(&:name)
    assert_equal 'complete', changes.grep(Treadle::Client::TaskDetails).last.state
  end

  def test_a_failed_task_is_retried_and_resolved
    worker
    task = ended(create(:fail))
    assert_equal %w[error TOLD], [task.state, task.step('first').results['error_code']]
    assert_equal 1, client.retry_task(task.task_id, by: 'me', reason: 'again')
    assert_equal 'error', ended(task.task_id).state
    client.resolve_step(task.step('first').workflow_step_id, results: { by: 'hand' })
    assert_equal({ 'by' => 'hand' }, ended(task.task_id).step('second').results['first'])
    other = ended(create(:fail))
    client.retry_step(other.step('first').workflow_step_id)
    assert_nil ended(other.task_id) && client.resolve_task(other.task_id)
    assert_equal 'resolved_manually', client.get_task(other.task_id).state
  end

  def test_a_pause_holds_a_task
    task_id = create
    assert_equal [true, false], [client.pause(task_id: task_id, by: 'me'), client.pause(task_id: task_id)]
    assert_equal [true, false], [client.resume(task_id: task_id), client.resume(task_id: task_id)]
    assert_raises(ArgumentError) { client.pause(task_id: 1, handler: 'x') }
    assert_equal 'in_progress', client.run_task(task_id)
    client.cancel_task(task_id)
  end

  def test_templates_are_shown
    assert_includes client.templates.map(&:name), 'ruby_story'
    steps = client.template('ruby_story').steps.map(&:to_a)
    assert_equal [['first', 'Story::First', [], nil], ['second', 'Story::Second', %w[first], nil]], steps
  end
end
