# frozen_string_literal: true

require_relative 'errors'
require_relative 'indifferent_hash'

module Treadle
  # A step before this one, with its results.
  class ParentStep
    attr_reader :name

    # Results are JSON text, or what a schema has made of it.
    def initialize(name, results_json, results = nil)
      @name = name
      @results_json = results_json
      @results = results
    end

    def results
      @results = IndifferentHash.parse(@results_json) if @results.nil?
      @results
    end
  end

  # What a handler sees of the steps before its own: the direct parents, which came with the step.
  class Sequence
    attr_reader :steps

    def initialize(steps)
      @steps = steps
    end

    # As in Rails: the step, or nil when this one does not depend directly on a step of that name.
    def find_step_by_name(name)
      wanted = name.to_s
      @steps.find { |step| step.name == wanted }
    end

    # The results of the parent called `name`. Raises UnknownStepError when the step does not depend directly on it.
    def result(name)
      step = find_step_by_name(name)
      return step.results if step

      existing = @steps.empty? ? 'this step has no parents' : "the parents are #{names.join(', ')}"
      raise UnknownStepError.new("expected the name of a direct parent, got \"#{name}\": #{existing}",
                                 details: { name: name.to_s, parents: names })
    end
    alias [] result

    def names
      @steps.map(&:name)
    end
  end
end
