# frozen_string_literal: true

require_relative 'results'

module Treadle
  # Holds what comes in and goes out of a handler to what its class declares: any object with `call(value)`, which answers
  # with the value as it should be (defaults, coercions) or raises. What fails here is the fault of a template, a task or
  # a handler, so trying again cannot help.
  module Declaration
    # Class macros of StepHandler. Without an argument each answers with what is declared, here or in a class above.
    module Macros
      %i[config_schema context_schema needs_schema output_schema].each do |macro|
        define_method(macro) { |schema = nil, &block| declare_schema(macro, schema || block) }
      end

      private

      # A method of the class, which those below it inherit: every attempt asks for all four.
      def declare_schema(macro, schema)
        return if schema.nil?

        define_singleton_method(macro) do |another = nil, &block|
          another || block ? declare_schema(macro, another || block) : schema
        end
        schema
      end
    end

    module_function

    # The value as its schema makes it, or itself when there is no schema.
    def conform(schema, value, code:, what:)
      return value if schema.nil?

      schema.call(value)
    rescue StandardError => e
      raise DeclarationError.new(code, "#{what}: #{e.message}")
    end
  end
end
