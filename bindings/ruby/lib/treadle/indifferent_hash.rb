# frozen_string_literal: true

require 'json'

module Treadle
  # A JSON object: keys are strings, and `hash[:total]` finds `'total'`. What Rails handlers expect of `task.context`,
  # without ActiveSupport. Everything that is put in is kept as it is, save that symbol keys become strings.
  class IndifferentHash < Hash
    PARSE = { object_class: self, max_nesting: 0 }.freeze
    private_constant :PARSE

    class << self
      # The value of a JSON text, with objects of this class at every level. Texts of the engine are trusted.
      def parse(text, otherwise = nil)
        return otherwise || new if text.empty?

        JSON.parse(text, PARSE)
      end

      # A plain value with objects of this class at every level.
      def from(value)
        case value
        when Hash then value.each_with_object(new) { |(key, inner), made| made[key] = from(inner) }
        when Array then value.map { |inner| from(inner) }
        else value
        end
      end
    end

    alias regular_store []=
    private :regular_store

    def []=(key, value)
      regular_store(key.is_a?(Symbol) ? key.name : key, value)
    end
    alias store []=

    def [](key)
      super(key.is_a?(Symbol) ? key.name : key)
    end

    def fetch(key, *rest, &block)
      super(text_of(key), *rest, &block)
    end

    def key?(key)
      super(text_of(key))
    end
    alias has_key? key?
    alias include? key?
    alias member? key?

    def dig(key, *more)
      value = self[key]
      more.empty? || value.nil? ? value : value.dig(*more)
    end

    def delete(key, &block)
      super(text_of(key), &block)
    end

    def values_at(*keys)
      super(*keys.map { |key| text_of(key) })
    end

    def fetch_values(*keys, &block)
      super(*keys.map { |key| text_of(key) }, &block)
    end

    # As Hash does: with the keys that were asked for.
    def slice(*keys)
      self.class.from(super(*keys.map { |key| text_of(key) }))
    end

    def except(*keys)
      self.class.from(super(*keys.map { |key| text_of(key) }))
    end

    def update(*others, &block)
      others.each { |other| super(self.class.from(other), &block) }
      self
    end
    alias merge! update

    def merge(*others, &block)
      dup.update(*others, &block)
    end

    # These would answer with plain hashes.
    %i[select filter reject compact transform_values].each do |name|
      define_method(name) do |*given, &block|
        block || name == :compact ? self.class[super(*given, &block)] : super(*given)
      end
    end

    # Plain hashes with symbols at every level, as handlers of Rails apps like them.
    def deep_symbolize_keys
      each_with_object({}) { |(key, value), plain| plain[key.to_sym] = symbolized(value) }
    end

    def symbolize_keys
      transform_keys(&:to_sym)
    end

    # Pattern matching asks for symbols: `in { order_id: }`.
    def deconstruct_keys(_keys)
      self
    end

    private

    def symbolized(value)
      case value
      when IndifferentHash then value.deep_symbolize_keys
      when Array then value.map { |inner| symbolized(inner) }
      else value
      end
    end

    def text_of(key)
      key.is_a?(Symbol) ? key.name : key
    end
  end
end
