# frozen_string_literal: true

module Treadle
  module Rails
    # A task made the Rails way: rows of the task, its steps and edges, for a template that Treadle has registered. The last row is its
    # `pending` transition: when the transaction commits Treadle hears of it and starts the task; no job is needed. Reads the tables
    # step_definitions, step_dependencies and task_definitions of the schema treadle. The template's JSON Schema of the context is
    # not checked here (the engine and its client do).
    #
    #   Task.create_with_steps!('order_process', namespace: 'shop', context: { order_id: 1 }, identity: 'order-1')
    #
    # namespace: default `default`. version: default the latest. context: a hash that is not empty. bypass_steps: names of skippable
    # steps that are not run. identity: `:uuid` (default, never the same), `:hash` (Rails' own: the same request in the same minute is
    # refused) or a key of yours of at most 128 characters. deadline_at: until when it must have ended.
    class NewTask
      def initialize(name, context:, namespace: TaskNamespace::DEFAULT, version: nil, initiator: 'unknown', source_system: 'unknown',
                     reason: 'unknown', tags: [], bypass_steps: [], requested_at: nil, identity: :uuid, deadline_at: nil)
        @names = [namespace.to_s, name.to_s, version&.to_s]
        @columns = { context: context, initiator: initiator, source_system: source_system, reason: reason, tags: tags,
                     bypass_steps: bypass_steps.map(&:to_s), requested_at: requested_at }
        @identity = identity
        @deadline_at = deadline_at
      end

      # The task. Raises UnknownTemplateError, InvalidContextError and InvalidArgumentError, and ActiveRecord::RecordInvalid when its
      # identity is that of another task; then nothing was written.
      def create!
        require_context
        Task.transaction(requires_new: true) do
          @definitions = require_template
          require_skippable
          @at = Record.database_time
          insert
        end
      rescue ::ActiveRecord::RecordNotUnique
        refuse_double
      end

      private

      def require_context
        context = @columns[:context]
        return if context.is_a?(Hash) && !context.empty?

        raise InvalidContextError, "expected the context to be a hash with at least one key, came #{context.inspect}"
      end

      # Its steps as the template has them, in its order.
      def require_template
        id = Record.connection.select_value(Record.sanitize_sql_array(['select treadle.find_named_task(?, ?, ?)', *@names]))
        namespace, name, version = @names
        raise UnknownTemplateError, "no template is registered for #{namespace}/#{name}#{"@#{version}" if version}" if id.nil?

        @named_task_id = id
        Record.connection.select_all(Record.sanitize_sql_array([<<~SQL, id])).to_a
          select d.named_step_id, d.step_name, n.skippable, n.default_retryable, n.default_retry_limit
          from treadle.step_definitions d
          join tasker_named_tasks_named_steps n using (named_task_id, named_step_id)
          where d.named_task_id = ? and d.in_template
          order by d.ordinal
        SQL
      end

      def require_skippable
        skippable = @definitions.to_h { |it| it.values_at('step_name', 'skippable') }
        @columns[:bypass_steps].each do |name|
          next if skippable[name]

          why = skippable.key?(name) ? 'its template does not say skippable' : 'the template has no such step'
          raise InvalidArgumentError, "step \"#{name}\" cannot be bypassed: #{why}"
        end
      end

      def insert
        task = Task.new(**@columns, requested_at: @columns[:requested_at] || @at, named_task_id: @named_task_id,
                                    created_at: @at, updated_at: @at)
        task.identity_hash = Identity.of(task, @identity)
        task.save!
        step_ids = insert_steps(task)
        insert_edges(step_ids)
        bypass(task, step_ids)
        set_deadline(task)
        task.task_transitions.create!(to_state: 'pending', metadata: { 'initialized_by' => 'treadle/rails' }, sort_key: 0,
                                      created_at: @at, updated_at: @at)
        task.reload
      end

      # Parents need not come first, but the numbers of the steps go by their order in the template. By named_step_id.
      def insert_steps(task)
        WorkflowStep.insert_all!(@definitions.map do |it|
          { task_id: task.id, named_step_id: it['named_step_id'], retryable: it['default_retryable'],
            retry_limit: it['default_retry_limit'], skippable: it['skippable'], attempts: 0, inputs: task.context, results: {},
            created_at: @at, updated_at: @at }
        end)
        WorkflowStep.where(task_id: task.id).pluck(:named_step_id, :workflow_step_id).to_h
      end

      def insert_edges(step_ids)
        sql = 'select depends_on_named_step_id, named_step_id from treadle.step_dependencies where named_task_id = ?'
        pairs = Record.connection.select_rows(Record.sanitize_sql_array([sql, @named_task_id]))
        edges = pairs.map { |pair| step_ids.values_at(*pair.map(&:to_i)) }.sort_by(&:reverse)
        return if edges.empty?

        WorkflowStepEdge.insert_all!(edges.map do |from, to|
          { from_step_id: from, to_step_id: to, name: 'provides', created_at: @at, updated_at: @at }
        end)
      end

      def bypass(task, step_ids)
        names = @columns[:bypass_steps]
        ids = @definitions.select { |it| names.include?(it['step_name']) }.map { |it| step_ids.fetch(it['named_step_id'].to_i) }
        task.workflow_steps.where(workflow_step_id: ids).each { |step| step.resolve!(by: 'bypass') }
      end

      # Of the request, else of the template, as the engine's own createTask does it.
      def set_deadline(task)
        request = [{ identity_hash: task.identity_hash, deadline_at: @deadline_at&.to_time&.utc&.iso8601(6) }.compact]
        Record.connection.execute(Record.sanitize_sql_array([<<~SQL, @named_task_id, request.to_json, task.id]))
          select treadle.set_deadlines(?, ?::jsonb, array[?]::bigint[], treadle.now())
        SQL
      end

      def refuse_double
        task = Task.new(**@columns.except(:requested_at))
        task.errors.add(:identity_hash, 'is identical to a request made in the last minute')
        raise ::ActiveRecord::RecordInvalid, task
      end
    end
  end
end
