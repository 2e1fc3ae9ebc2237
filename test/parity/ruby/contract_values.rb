# frozen_string_literal: true

require 'bigdecimal'
require 'json'

# What the contract says in JSON about values that JSON cannot hold; the twin of contract-values.ts.
module ContractValues
  MAKERS = {
    'nothing' => ->(_) {},
    'nan' => ->(_) { Float::NAN },
    'infinity' => ->(_) { Float::INFINITY },
    'minus_zero' => ->(_) { -0.0 },
    'unsafe_integer' => ->(_) { (2**53) + 1 },
    'nul' => ->(_) { "a\0b" },
    'lone_surrogate' => ->(_) { "a\xED\xA0\x80b" },
    'not_json' => ->(_) { Object.new },
    'decimal' => ->(_) { BigDecimal('12.50') },
    'date' => ->(_) { Time.utc(2026, 1, 31, 12) },
    'proto_key' => ->(_) { { '__proto__' => 3 } },
    'circular' => ->(_) { {}.tap { |circle| circle['itself'] = circle } },
    'text' => ->(spec) { (spec['of'] || 'x').then { |of| of * ((spec['bytes'] - 2) / of.bytesize) } },
    'nested' => ->(spec) { (spec['levels'] - 1).times.reduce([]) { |inner, _| [inner] } }
  }.freeze

  module_function

  # The value that a file means.
  def of(spec)
    case spec
    when Array then spec.map { |each| of(each) }
    when Hash then of_object(spec)
    else spec
    end
  end

  def of_object(spec)
    return MAKERS.fetch(spec['$make']).call(spec) if spec.key?('$make')
    return of(spec['$by_language']['ruby']) if spec.key?('$by_language')

    spec.to_h { |key, part| [key, of(part)] }
  end
end
