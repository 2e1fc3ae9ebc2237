# frozen_string_literal: true

require_relative 'rails_app'

# Steps: their associations, scopes and predicates, and their readiness in words.
class StepsSuite < RailsApp::Test
  def test_steps_know_their_neighbours
    task = task(:complete)
    validate, reserve, charge, ship = %w[validate reserve charge ship].map { |it| task.get_step_by_name(it) }
    assert_equal [[], [validate], [reserve, charge]], [validate.parents, reserve.parents, ship.parents.sort_by(&:id)]
    assert_equal [[reserve, charge], [], [charge], []],
                 [validate.children.sort_by(&:id), ship.children, reserve.siblings, validate.siblings].map(&:to_a)
    assert_equal [2, 1, true, true],
                 [validate.outgoing_edges.size, charge.incoming_edges.size, validate.root_step?, ship.leaf_step?]
    assert_nil task.get_step_by_name('nothing')
    assert_equal [task, 'unknown'], [ship.task, ship.named_step.dependent_system.name]
  end

  def test_the_view_says_where_steps_stand
    rows = StepDagRelationship.for_task(task(:complete))
    named = ->(found) { found.map { |it| it.workflow_step.name }.sort }
    assert_equal [%w[validate], %w[ship]], [named[rows.root_steps], named[rows.leaf_steps]]
    assert_equal [%w[charge reserve ship], %w[charge reserve validate]], [named[rows.with_parents], named[rows.with_children]]
    assert_equal %w[reserve], named[StepDagRelationship.siblings_of(charge(:complete))]
    ship = task(:complete).get_step_by_name('ship').step_dag_relationship
    assert_equal [2, true, false, true, 2, []],
                 [ship.min_depth_from_root, ship.leaf_step?, ship.root_step?, ship.has_parents?,
                  ship.parent_step_ids_array.size, ship.child_step_ids_array]
    assert_raises(ActiveRecord::ReadOnlyRecord) { ship.update!(parent_count: 1) }
  end

  def test_the_graph_of_a_task
    graph = task(:complete).dependency_graph
    assert_equal({ 'validate' => 0, 'reserve' => 1, 'charge' => 1, 'ship' => 2 }, graph[:nodes].to_h { |it| it.values_at(:name, :level) })
    ship = task(:complete).get_step_by_name('ship').id
    assert_equal [4, [], 2], [graph[:edges].size, graph[:adjacency_list][ship], graph[:reverse_adjacency_list][ship].size]
  end

  def test_steps_are_found_by_their_state
    mine = WorkflowStep.where(task_id: RailsApp::CAST.values)
    assert_equal [charge(:failed), charge(:resolved), charge(:waiting)].sort_by(&:id), mine.failed.sort_by(&:id)
    assert_equal [charge(:holding)], mine.by_current_state('in_progress').to_a
    assert_equal mine.count, mine.by_current_state.count
    assert_equal 4, mine.for_task(task(:later)).pending.count
    assert_equal %w[charge ship], WorkflowStep.for_task(task(:holding)).pending.map(&:name).sort
    assert_equal 4, WorkflowStep.for_task(task(:bypassed)).completed.count
  end

  def test_steps_are_found_by_time
    before = task(:complete).created_at - 1
    assert_includes WorkflowStep.failed_since(before), charge(:failed)
    assert_includes WorkflowStep.completed_since(before), charge(:helped)
    assert_equal [[], [], []],
                 [:failed_since, :completed_since, :for_tasks_since].map { |it| WorkflowStep.public_send(it, Time.now + 60).to_a }
    assert_includes WorkflowStep.for_tasks_since(before), charge(:later)
  end

  def test_what_has_been_done_of_a_task
    stats = WorkflowStep.task_completion_stats(task(:complete))
    assert_equal [4, 4, 0, 0, true],
                 stats.values_at(:total_steps, :completed_steps, :failed_steps, :pending_steps, :all_complete)
    assert_equal task(:complete).workflow_steps.maximum(:processed_at), stats[:latest_completion_time]
    assert_equal [4, 2, 1, 1, false],
                 WorkflowStep.task_completion_stats(task(:failed)).except(:latest_completion_time).values
  end

  PREDICATES = %i[complete? in_progress? pending? in_error? cancelled? ready_status? ready? dependencies_satisfied? retry_eligible?
                  has_retry_attempts? retry_exhausted? waiting_for_backoff? can_retry_now?].freeze
  def test_steps_say_what_they_are
    said = %i[complete failed waiting holding cancelled helped].to_h do |name|
      [name, PREDICATES.select { |predicate| charge(name).public_send(predicate) }]
    end
    assert_equal({ complete: %i[complete? dependencies_satisfied? retry_eligible? has_retry_attempts?],
                   failed: %i[in_error? ready_status? dependencies_satisfied? has_retry_attempts? retry_exhausted?],
                   waiting: %i[in_error? ready_status? dependencies_satisfied? retry_eligible? has_retry_attempts?
                               waiting_for_backoff?],
                   holding: %i[in_progress? dependencies_satisfied? retry_eligible?],
                   cancelled: %i[cancelled? dependencies_satisfied? retry_eligible?],
                   helped: %i[complete? dependencies_satisfied? has_retry_attempts? retry_exhausted?] }, said)
    refute_predicate task(:failed).get_step_by_name('ship'), :dependencies_satisfied?
  end

  def test_readiness_of_many_steps_is_one_statement
    steps = WorkflowStep.where(task_id: RailsApp::CAST.values).to_a
    asked = statements { WorkflowStep.with_readiness(steps).each { |it| [it.ready?, it.complete?, it.waiting_for_backoff?] } }
    assert_equal 1, asked
    assert_equal steps.to_h { |it| [it.id, WorkflowStep.find(it.id).ready?] }, steps.to_h { |it| [it.id, it.ready?] }
  end

  def test_readiness_of_a_task_by_kind
    kinds = %w[ready pending failed in_progress complete blocked_by_dependencies blocked_by_retry]
    found = lambda do |name|
      kinds.to_h { |it| [it, StepReadinessStatus.public_send("#{it}_for_task", task(name)).map(&:name)] }.reject { |_, it| it.empty? }
    end
    assert_equal({ 'pending' => %w[ship], 'failed' => %w[charge], 'complete' => %w[validate reserve],
                   'blocked_by_dependencies' => %w[ship], 'blocked_by_retry' => %w[charge] }, found[:failed])
    assert_equal({ 'ready' => %w[validate], 'pending' => %w[validate reserve charge ship],
                   'blocked_by_dependencies' => %w[reserve charge ship] }, found[:later])
    assert_equal({ 'in_progress' => %w[charge], 'pending' => %w[ship], 'complete' => %w[validate reserve],
                   'blocked_by_dependencies' => %w[ship] }, found[:holding])
  end

  def test_readiness_of_many_tasks_and_of_some_steps
    ids = RailsApp::CAST.values
    assert_equal ids.flat_map { |it| StepReadinessStatus.for_task(it) }.sort_by(&:workflow_step_id),
                 StepReadinessStatus.for_tasks(ids).sort_by(&:workflow_step_id)
    wanted = [charge(:failed), charge(:waiting)]
    assert_equal wanted.map(&:id).sort, StepReadinessStatus.for_steps(wanted).map(&:workflow_step_id)
    assert_equal [wanted.first.id], StepReadinessStatus.for_task(task(:failed), [wanted.first]).map(&:workflow_step_id)
    assert_equal [[], [], true, false],
                 [StepReadinessStatus.for_task(-1), StepReadinessStatus.for_tasks([]), task(:helped).all_steps_complete?,
                  task(:failed).all_steps_complete?]
  end

  def test_readiness_in_words
    words = ->(name, step) { task(name).get_step_by_name(step).readiness.detailed_status.except(:effective_backoff_seconds) }
    assert_equal({ ready: false, current_state: 'pending', dependencies: '1/2_satisfied', retry: 'retry_eligible',
                   blocking_reason: 'dependencies_not_satisfied', time_until_ready: nil, backoff_type: 'no_backoff' }, words[:failed, 'ship'])
    assert_equal ['no_dependencies', nil, 0],
                 words[:later, 'validate'].values_at(:dependencies, :blocking_reason, :time_until_ready)
    assert_equal %w[all_satisfied max_retries_reached retry_not_eligible],
                 words[:failed, 'charge'].values_at(:dependencies, :retry, :blocking_reason)
    assert_equal %w[waiting_for_backoff retry_not_eligible explicit_backoff],
                 words[:waiting, 'charge'].values_at(:retry, :blocking_reason, :backoff_type)
    assert_equal ['invalid_state'], [words[:holding, 'charge'][:blocking_reason]]
  end

  def test_a_step_that_waits_says_until_when
    row = charge(:waiting).readiness
    assert_equal value('select ready_at from treadle.task_report_steps(?) where name = ?', task(:waiting).id, 'charge').to_f,
                 row.next_retry_at.to_f
    assert_includes 1..4000, row.time_until_ready
    assert_includes 3600..4000, row.effective_backoff_seconds
    assert_equal [row.workflow_step_id, row.task_id], [row.workflow_step.id, row.task.id]
    refute_predicate row, :can_execute_now?
  end

  def test_a_step_whose_time_has_come_waits_no_longer
    row = charge(:waiting).readiness
    later = StepReadinessStatus.new(row.attributes.merge('read_at' => row.next_retry_at + 1))
    assert_equal [true, false, 'retry_eligible', nil],
                 [row.waiting_for_backoff?, later.waiting_for_backoff?, later.retry_status, later.time_until_ready]
  end
end
