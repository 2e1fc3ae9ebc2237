# frozen_string_literal: true

require_relative 'client/connection'
require_relative 'client/records'
require_relative 'client/requests'
require_relative 'client/waiting'

module Treadle
  # Creates tasks, looks at them and acts on them, over gRPC. One client serves all threads of a process, and a forked
  # child may use the one that it has inherited. Raises Treadle::Error and its subclasses: look at `code`.
  #
  #     client = Treadle::Client.new('127.0.0.1:7465')
  #     created = client.create_task('order_process', context: { order_id: 42 })
  #     client.wait_for_task(created.task_id, timeout: 60).state # => "complete"
  class Client
    include Waiting

    # `tls` is an Endpoint::Tls; `timeout` in seconds, for each call.
    def initialize(target, token: ENV.fetch('TREADLE_TOKEN', nil), tls: nil, allow_plaintext: false, timeout: 30)
      endpoint = Endpoint.new(target, token: token, tls: tls, allow_plaintext: allow_plaintext)
      @connection = Connection.new(endpoint, timeout)
    end

    # Creates a task, or finds the one with the same identity. Keywords: namespace, version, initiator, source_system,
    # reason, tags, bypass_steps, run_at (Time), deadline_seconds, identity_key, trace_context.
    def create_task(name, context:, **options)
      request = V1::CreateTaskRequest.new(task: Requests.task(name, context: context, **options))
      Records.created(@connection.call(:create_task, request).task)
    end

    # Creates many in one transaction: all of them or none. Each is a hash of `name`, `context` and the keywords above.
    def create_tasks(tasks)
      requests = tasks.map { |task| Requests.task(task.fetch(:name), **task.except(:name)) }
      @connection.call(:create_tasks, V1::CreateTasksRequest.new(tasks: requests)).tasks.map { |it| Records.created(it) }
    end

    # The task with its steps.
    def get_task(task_id)
      Records.task(@connection.call(:get_task, V1::GetTaskRequest.new(task_id: task_id)).task)
    end

    # Tasks, the newest first, without steps: an Enumerator that fetches page after page as it is read.
    def list_tasks(namespace: nil, name: nil, state: nil, page_size: 100)
      filter = { namespace_name: namespace.to_s, name: name.to_s, state: Requests.state(state), page_size: page_size }
      Enumerator.new do |tasks|
        token = ''
        loop do
          page = @connection.call(:list_tasks, V1::ListTasksRequest.new(**filter, page_token: token))
          page.tasks.each { |task| tasks << Records.task(task) }
          token = page.next_page_token
          break if token.empty?
        end
      end
    end

    # Cancels a task with all its unfinished steps. Answers with the numbers of steps: { cancelled_steps:, running_steps: }.
    def cancel_task(task_id, by: nil, reason: nil)
      operate(:cancel_task, V1::CancelTaskRequest, by, reason, task_id: task_id).then do |it|
        { cancelled_steps: it.cancelled_steps, running_steps: it.running_steps }
      end
    end

    # Claims no step of `task_id:`, `namespace:` or `handler:` from now on. False: it was paused already.
    def pause(by: nil, reason: nil, **target)
      operate(:pause, V1::PauseRequest, by, reason, target: Requests.target(**target)).done
    end

    # Ends a pause. False: it was not paused.
    def resume(**target)
      @connection.call(:resume, V1::ResumeRequest.new(target: Requests.target(**target))).done
    end

    # Gives all failed steps of a task a fresh allowance of attempts. Answers with their number.
    def retry_task(task_id, by: nil, reason: nil)
      operate(:retry_task, V1::RetryTaskRequest, by, reason, task_id: task_id).retried_steps
    end

    # The same for one step. Answers with its state.
    def retry_step(workflow_step_id, by: nil, reason: nil)
      Records.state(operate(:retry_step, V1::RetryStepRequest, by, reason, workflow_step_id: workflow_step_id).state)
    end

    # Ends a failed task for good, as `resolved_manually`.
    def resolve_task(task_id, by: nil, reason: nil)
      operate(:resolve_task, V1::ResolveTaskRequest, by, reason, task_id: task_id)
      nil
    end

    # Resolves a step by hand: children see `results` (without them: what the step has). `force`: also a running one.
    # Answers with the state of the task.
    def resolve_step(workflow_step_id, results: nil, force: false, by: nil, reason: nil)
      facts = { workflow_step_id: workflow_step_id, force: force, results_json: results.nil? ? '' : Requests.json(results) }
      Records.state(operate(:resolve_step, V1::ResolveStepRequest, by, reason, **facts).task_state)
    end

    # Runs a task that is due: what the job of a queue calls. A second call does no harm. Answers with its state.
    def run_task(task_id)
      Records.state(@connection.call(:run_task, V1::RunTaskRequest.new(task_id: task_id)).state)
    end

    # All registered templates, without steps.
    def templates
      @connection.call(:list_templates, V1::ListTemplatesRequest.new).templates.map { |it| Records.template(it) }
    end

    # One template with its steps; without a version the latest.
    def template(name, namespace: nil, version: nil)
      request = V1::GetTemplateRequest.new(name: name.to_s, namespace_name: namespace.to_s, version: version.to_s)
      Records.template(@connection.call(:get_template, request).template)
    end

    # Closes the connection; the next call opens another.
    def close
      @connection.close
    end

    private

    def operate(method, request_class, by, reason, **facts)
      @connection.call(method, request_class.new(**facts, operator: Requests.operator(by, reason)))
    end
  end
end
