# frozen_string_literal: true

# From what a handler returned to what Postgres can store: JSON that every language reads alike (RFC 7493). Texts are
# Unicode without U+0000, numbers are IEEE doubles, symbols and times become text. Everything else is refused here, where
# it harms only its own step. The same law as handlers/results.ts.

require 'date'
require 'json'
require 'time'

module Treadle
  # A value does not fit what the handler declared, or cannot be stored: trying again cannot help.
  class DeclarationError < StandardError
    attr_reader :failure_code

    def initialize(failure_code, message)
      super(message)
      @failure_code = failure_code
    end
  end

  # What children will read, as JSON text.
  module Results
    # Bytes of JSON text that results may have unless the engine says otherwise.
    MAX_BYTES = 4 * 1024 * 1024
    MAX_DEPTH = 1_000

    module_function

    # The value as JSON text; nil becomes `{}`. `unknown` makes something that JSON knows of an object that it does not.
    # Raises DeclarationError `invalid_output` when it cannot be stored, `results_too_large` over `max_bytes`.
    def to_json_text(value, max_bytes: MAX_BYTES, unknown: nil)
      return '{}' if value.nil?

      text = generator.generate(Plain.new(unknown).of(value, 'it', 0))
      return text if text.bytesize <= max_bytes

      raise DeclarationError.new('results_too_large', "expected results of at most #{max_bytes} bytes of JSON, got " \
                                                      "#{text.bytesize}: keep large data elsewhere and return where it is")
    end

    # It costs as much to make as a kilobyte to write, and serves one thread.
    def generator
      Thread.current[:treadle_generator] ||= JSON::State.new(max_nesting: 0)
    end

    # Makes a value of nothing but plain hashes, arrays, texts, numbers, true, false and nil.
    class Plain
      def initialize(unknown)
        @unknown = unknown
      end

      # `place` names the value in a refusal, `depth` is how many arrays and objects it is in.
      def of(value, place, depth)
        case value
        when nil, true, false then value
        when String then text(value, place)
        when Symbol then text(value.name, place)
        when Integer then integer(value, place)
        when Float then float(value, place)
        when Hash then object(value, depth + 1)
        when Array then array(value, place, depth + 1)
        else time(value) || other(value, place, depth)
        end
      end

      private

      def text(value, place)
        # Bytes without an encoding are what sockets and files give: most often it is UTF-8.
        utf8 = value.encoding == Encoding::BINARY ? value.dup.force_encoding(Encoding::UTF_8) : value.encode(Encoding::UTF_8)
        refuse("#{place} is a text that is not valid UTF-8") unless utf8.valid_encoding?
        refuse("#{place} is a text that holds U+0000") if utf8.include?("\0")
        utf8.instance_of?(String) ? utf8 : String.new(utf8)
      rescue EncodingError
        refuse("#{place} is a text that is not valid #{value.encoding}")
      end

      def integer(value, place)
        return value if value.abs <= 9_007_199_254_740_992 || double?(value) # 2^53

        refuse("#{place} is an integer that no IEEE double holds exactly; make it a text")
      end

      # Whether it is a double exactly, or as JavaScript writes one: 2^60 comes from an engine as 1152921504606847000.
      def double?(integer)
        return false if integer.bit_length > 1024

        double = integer.to_f
        double.finite? && (double.to_i == integer || double.to_s.to_r == integer)
      end

      def float(value, place)
        refuse("#{place} is #{value}") unless value.finite?
        value.zero? && (1 / value).negative? ? 0 : value # jsonb has no -0
      end

      # Loops rather than iterators in these two: each level of an iterator takes room on the C stack, and that of a thread
      # ends after some hundred of them.
      def object(value, depth)
        too_deep if depth > MAX_DEPTH
        plain = {}
        pairs = value.to_a
        at = -1
        while (pair = pairs[at += 1])
          name = key_text(pair[0])
          plain[name] = of(pair[1], name, depth)
        end
        plain
      end

      def array(value, place, depth)
        too_deep if depth > MAX_DEPTH
        plain = Array.new(value.size)
        at = -1
        plain[at] = of(value[at], place, depth) while (at += 1) < plain.size
        plain
      end

      def key_text(key)
        case key
        when String, Symbol then text(key.to_s, 'a key')
        when Integer then key.to_s
        else refuse("a key is a #{key.class}")
        end
      end

      # ISO 8601 in UTC, with as many digits as JavaScript's dates have when they are enough.
      def time(value)
        case value
        when DateTime then time(value.to_time)
        when Date then value.iso8601
        when Time then value.getutc.iso8601((value.nsec % 1_000_000).zero? ? 3 : 6)
        end
      end

      def other(value, place, depth)
        too_deep if depth > MAX_DEPTH
        refuse("#{place} is a #{value.class}") if @unknown.nil?
        known = @unknown.call(value)
        refuse("#{place} is a #{value.class}") if known.equal?(value)
        of(known, place, depth + 1)
      end

      def too_deep
        refuse("it is nested deeper than #{MAX_DEPTH} levels")
      end

      def refuse(why)
        raise DeclarationError.new('invalid_output', "expected results that can be stored as JSON: #{why}")
      end
    end
  end
end
