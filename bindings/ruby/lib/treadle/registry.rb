# frozen_string_literal: true

require_relative 'errors'
require_relative 'step_handler'

module Treadle
  # Handler names and the classes that serve them. What is wrong with a class is said here, at start-up, and not when its
  # first step runs.
  class Registry
    # `handlers` is a list of classes, or a hash of names and classes. Default: all subclasses of StepHandler.
    def initialize(handlers = nil)
      @classes = {}
      pairs = handlers.is_a?(Hash) ? handlers : (handlers || StepHandler.all).map { |it| [name_of(it), it] }
      pairs.each { |name, handler_class| add(name.to_s, handler_class) }
    end

    # The class that serves a name; nil when none does.
    def [](name) = @classes[name]

    def names = @classes.keys.sort
    def empty? = @classes.empty?

    private

    def add(name, handler_class)
      check(name, handler_class)
      present = @classes[name]
      if present && present != handler_class
        refuse(name, "expected one class for a name, got #{present} and #{handler_class}")
      end
      @classes[name] = handler_class
    end

    def name_of(handler_class)
      refuse(handler_class.inspect, 'expected a class') unless handler_class.is_a?(Class)
      name = handler_class.respond_to?(:handler_name) ? handler_class.handler_name : handler_class.name
      name || refuse('(anonymous class)', "expected a name: say handler_name 'name' in the class")
    end

    def check(name, handler_class)
      unless handler_class.is_a?(Class) && handler_class <= StepHandler
        refuse(name, 'expected a class that extends Treadle::StepHandler')
      end
      refuse(name, 'expected a method process') if handler_class.abstract?
      refuse(name, 'expected a name of at most 255 characters') if name.empty? || name.length > 255
      if handler_class.method_defined?(:handle) || handler_class.private_method_defined?(:handle)
        refuse(name, 'handle is the lifecycle and cannot be overridden; the work goes into process')
      end
      handler_class.check_construction
    rescue ArgumentError => e
      refuse(name, e.message)
    end

    def refuse(name, why)
      raise InvalidArgumentError.new("handler #{name}: #{why}", details: { name: name })
    end
  end
end
