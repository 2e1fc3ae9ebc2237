# frozen_string_literal: true

require_relative 'contract_deeds'

# What a worker serves for the contract: `treadle-worker -r contract_handler.rb`. Declares nothing.
class ContractHandler < Treadle::StepHandler
  include ContractDeeds
end

# The same with declarations.
class CheckedContractHandler < Treadle::StepHandler
  include ContractDeeds

  # Answers with the value when the place in it holds one of that class.
  FIT = lambda do |value, type, *place|
    found = value.dig(*place)
    raise ArgumentError, "#{place.join('.')}: expected #{type}, got #{found.inspect}" unless found.is_a?(type)

    value
  end

  config_schema { |value| FIT.call({ 'limit' => 3 }.merge(value), Integer, 'limit') }
  context_schema { |value| FIT.call(value, Integer, 'order_id') }
  needs_schema { |value| FIT.call(value, Numeric, 'first', 'total') }
  output_schema { |value| FIT.call(value, Numeric, 'total') }
end
