# frozen_string_literal: true

require_relative '../indifferent_hash'
require_relative '../proto/client_pb'

module Treadle
  class Client
    # A task that was created, or found (`created` is false) when one with the same identity was there.
    CreatedTask = Struct.new(:task_id, :created, keyword_init: true) do
      alias_method :created?, :created
    end

    # A task as it is. `state` is a word as 'in_progress'; times are Times or nil; `steps` is empty in lists.
    TaskDetails = Struct.new(:task_id, :namespace_name, :name, :version, :state, :state_since, :created_at, :context,
                             :initiator, :source_system, :reason, :tags, :deadline_at, :steps, keyword_init: true) do
      # The step of that name; nil when there is none.
      def step(name)
        steps.find { |step| step.name == name.to_s }
      end
    end

    # A step as it is. `results` are the error of the last attempt when it has failed; nil when there are none.
    StepDetails = Struct.new(:workflow_step_id, :name, :state, :attempts, :retry_limit, :results, :depends_on_steps,
                             :explanation, keyword_init: true)

    # How far a running step is, as its worker says. `fraction` is nil when it is unknown.
    StepProgress = Struct.new(:workflow_step_id, :name, :fraction, :message, keyword_init: true)

    # What tasks are made of. `schema` is a JSON Schema or nil; `steps` is empty in lists. `runtime` is where the handler of a step
    # runs (`native-ruby`); nil when that is wherever it is offered.
    Template = Struct.new(:namespace_name, :name, :version, :description, :schema, :steps, keyword_init: true)
    StepTemplate = Struct.new(:name, :handler, :depends_on_steps, :runtime, keyword_init: true)

    # From messages of the wire to these.
    module Records
      module_function

      def created(message)
        CreatedTask.new(task_id: message.task_id, created: message.created).freeze
      end

      def task(message)
        TaskDetails.new(
          **facts(message, %i[task_id namespace_name name version initiator source_system reason]),
          state: state(message.state), state_since: time(message.state_since), created_at: time(message.created_at),
          context: json(message.context_json), tags: json(message.tags_json), deadline_at: time(message.deadline_at),
          steps: message.steps.map { |it| step(it) }
        ).freeze
      end

      def step(message)
        StepDetails.new(**facts(message, %i[workflow_step_id name attempts retry_limit explanation]),
                        state: state(message.state), results: json(message.results_json),
                        depends_on_steps: message.depends_on_steps.to_a).freeze
      end

      def progress(message)
        StepProgress.new(**facts(message, %i[workflow_step_id name message]),
                         fraction: message.has_fraction? ? message.fraction : nil).freeze
      end

      def template(message)
        Template.new(**facts(message, %i[namespace_name name version description]),
                     schema: json(message.schema_json), steps: message.steps.map { |it| step_template(it) }).freeze
      end

      def step_template(message)
        StepTemplate.new(name: message.name, handler: message.handler, depends_on_steps: message.depends_on_steps.to_a,
                         runtime: message.runtime.empty? ? nil : message.runtime).freeze
      end

      def state(symbol) = symbol.to_s.delete_prefix('STATE_').downcase

      def facts(message, names) = names.to_h { |name| [name, message.public_send(name)] }

      def json(text) = text.empty? ? nil : IndifferentHash.parse(text)

      def time(text) = text.empty? ? nil : Time.iso8601(text)
    end
  end
end
