# frozen_string_literal: true

require_relative 'indifferent_hash'

module Treadle
  # The task of a step, as its handler sees it. JSON is read when somebody looks.
  class Task
    attr_reader :task_id, :namespace_name, :name, :version, :initiator, :source_system, :reason

    # `context_json` and `tags_json` are JSON texts, `requested_at` is ISO 8601.
    def initialize(task_id:, namespace_name:, name:, version:, context_json:, initiator: '', source_system: '',
                   reason: '', tags_json: '', requested_at: '')
      @task_id = task_id
      @namespace_name = namespace_name
      @name = name
      @version = version
      @context_json = context_json
      @initiator = initiator
      @source_system = source_system
      @reason = reason
      @tags_json = tags_json
      @requested_at = requested_at
    end

    alias id task_id

    # The context: `task.context[:order_id]` is `task.context['order_id']`.
    def context
      @context ||= IndifferentHash.parse(@context_json)
    end

    # The same with what the handler's schema made of the context.
    def with_context(checked)
      dup.tap { |task| task.instance_variable_set(:@context, IndifferentHash.from(checked)) }
    end

    def tags
      @tags ||= IndifferentHash.parse(@tags_json, [])
    end

    # A Time; nil when it is unknown.
    def requested_at
      @requested_at.empty? ? nil : Time.iso8601(@requested_at)
    end
  end
end
