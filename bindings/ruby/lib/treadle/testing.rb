# frozen_string_literal: true

require_relative '../treadle'

module Treadle
  # For the tests of an application: runs a handler through the whole lifecycle, without a server or a database.
  #
  #     parents = { 'validate_order' => { 'sku' => 'A1' } }
  #     outcome = Treadle::Testing.run_handler(Reserve, context: { quantity: 3 }, parents: parents)
  #     assert_equal({ 'reserved' => 3 }, outcome.results)
  module Testing
    module_function

    # Answers with the Outcome. `results` is what an earlier attempt left; `cancelled` is a reason as :timed_out or true;
    # `task` has further fields of the task (name:, tags:, ...); `on_progress` hears fractions and messages.
    # A claim token lets `step.transaction` complete a step that is really claimed.
    def run_handler(handler_class, context: {}, parents: {}, config: {}, attempt: 1, retry_limit: 3, results: {}, inputs: nil,
                    task: {}, step_name: 'step', cancelled: nil, claim_token: nil, results_limit: Results::MAX_BYTES,
                    on_progress: nil)
      handler_class.check_construction
      stop = StopOrder.new
      stop.give(cancelled == true ? :revoked : cancelled) if cancelled
      step = Step.new(workflow_step_id: 1, name: step_name, attempt: attempt, retry_limit: retry_limit,
                      inputs_json: JSON.generate(inputs || {}), results_json: JSON.generate(results),
                      claim_token: claim_token, stop: stop)
      Attempt.new(handler_class, task: task_of(context, task), sequence: sequence_of(parents), step: step, stop: stop,
                                 config: IndifferentHash.from(config), results_limit: results_limit,
                                 on_progress: on_progress).run
    end

    def task_of(context, facts)
      tags = JSON.generate(facts.fetch(:tags, []))
      known = { task_id: 1, namespace_name: 'default', name: 'task', version: '0.1.0' }
      Task.new(**known, **facts.except(:tags), context_json: JSON.generate(context), tags_json: tags)
    end

    def sequence_of(parents)
      Sequence.new(parents.map { |name, results| ParentStep.new(name.to_s, JSON.generate(results)) })
    end
  end
end
