# frozen_string_literal: true

module Treadle
  module RunTask
    # Several engines of which any will do: the one that answered last is asked first, and the next when it is away.
    class Engines
      def initialize(clients)
        @clients = clients
        @first = 0
      end

      def run_task(task_id)
        missed = nil
        @clients.size.times do
          at = @first # of many threads: they may all move it, to the same
          return @clients[at].run_task(task_id)
        rescue UnavailableError => e
          missed = e
          @first = (at + 1) % @clients.size
        end
        raise missed
      end
    end
  end
end
