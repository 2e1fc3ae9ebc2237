# frozen_string_literal: true

require_relative 'declaration'
require_relative 'errors'

module Treadle
  # The foundation of all step handlers. A subclass says what the work is; the lifecycle around it (Attempt) is the same
  # for all. One instance serves one attempt, in one thread, so instance variables are its own.
  #
  #     class Reserve < Treadle::StepHandler
  #       def process(task, sequence, step)
  #         order = sequence.find_step_by_name('validate_order').results
  #         { 'reserved' => Stock.reserve(order[:sku], task.context[:quantity]) }
  #       end
  #     end
  #
  # `process` may raise PermanentError (no attempt is left), RetryableError (again, at the earliest after `retry_after`
  # seconds) or anything else (again, after the step's backoff). It runs at least once: make it idempotent.
  class StepHandler
    extend Declaration::Macros

    class << self
      # What templates call the handler. `handler_name 'reserve_inventory'` sets it. Default: the name of the class.
      def handler_name(name = nil)
        @handler_name = name.to_s if name
        @handler_name || self.name
      end

      # Not served itself, only its subclasses.
      def abstract!
        @abstract = true
      end

      def abstract?
        @abstract == true || instance_method(:process).owner == StepHandler
      end

      # All classes that templates can name: concrete, with a name, found wherever they are defined.
      def all
        subclasses.flat_map { |it| [it, *it.all] }.select { |it| !it.abstract? && it.handler_name }.uniq
      end

      # Raises ArgumentError when `build` could not construct the class.
      def check_construction
        needs = instance_method(:initialize).parameters.filter_map { |kind, name| name if %i[req keyreq].include?(kind) }
        raise ArgumentError, "it cannot be constructed without arguments: #{needs.join(', ')}" unless needs.empty?
      end

      # The instance for one attempt. Subclasses that are constructed in another way say so here.
      def build(_config)
        new
      end
    end

    # `handler_config` of the template, as `config_schema` makes it.
    def config = @treadle_attempt ? @treadle_attempt.config : {}

    # Writes task_id, workflow_step_id, handler and attempt into every line.
    def log = @treadle_attempt ? @treadle_attempt.log : FieldLogger.new(Treadle.logger, {})

    # Whether the attempt should stop.
    def cancelled? = @treadle_attempt ? @treadle_attempt.step.cancelled? : false

    # The work of the step. What it returns becomes the step's results; nil becomes `{}`.
    def process(_task, _sequence, _step)
      raise NotImplementedError, "#{self.class.name} has no method process"
    end

    # Makes `step.results` of what `process` returned. Default: as it is, unless the handler has set results itself.
    def process_results(step, output, _initial_results)
      step.results = output unless step.results_changed?
    end

    # Runs before `process`, with input that is checked. What it raises fails the attempt as `process` would.
    def before(_task, _sequence, _step); end

    # Runs after an attempt whose input was fit, with its outcome. What it raises is logged and changes nothing.
    def after(_task, _sequence, _step, _outcome); end

    # What `process` returned, on its way to `process_results`: for foundations that make something of it, or refuse it.
    def examine_output(output) = output

    # What was raised, on its way to the outcome: for foundations that know better what it means.
    def explain_failure(_step, error) = error

    # Makes something that JSON knows of an object that it does not; the object itself refuses it. Default: refuses all.
    def to_storable(object) = object

    # The attempt that this instance serves.
    def serve(attempt)
      @treadle_attempt = attempt
      self
    end
  end
end
