# frozen_string_literal: true

module Treadle
  class Worker
    # SIGTERM and SIGINT as something to wait for: a trap handler may do little more than write a byte into a pipe.
    class Signals
      NAMES = %w[TERM INT].freeze

      def initialize
        @reader, @writer = IO.pipe
        @before = NAMES.to_h { |name| [name, trap(name) { write('s') }] }
      end

      # :signal or :end.
      def wait
        @reader.read(1) == 's' ? :signal : :end
      end

      def tell_end = write('e')

      def restore
        @before.each { |name, handler| trap(name, handler || 'DEFAULT') }
      end

      private

      def write(byte)
        @writer.write_nonblock(byte)
      rescue IO::WaitWritable
        nil # so many signals are waiting that one more says nothing new
      end
    end
  end
end
