# frozen_string_literal: true

module Treadle
  class Worker
    # What surrounds each attempt in the application: Rails' executor (query cache, reloading, database connections), or
    # without Rails the return of ActiveRecord's connections, so that threads do not keep what others wait for.
    module Surroundings
      module_function

      def around(&block)
        return ::Rails.application.executor.wrap(&block) if rails?

        begin
          yield
        ensure
          return_connections if defined?(::ActiveRecord::Base) # asked afterwards: a handler may have loaded it
        end
      end

      def rails?
        defined?(::Rails) && ::Rails.respond_to?(:application) && !::Rails.application.nil?
      end

      # From 7.1 on it returns those of the current role only, unless it is told otherwise; before that it does not know :all.
      def return_connections
        roles = ::ActiveRecord.version >= Gem::Version.new('7.1') ? [:all] : []
        ::ActiveRecord::Base.connection_handler.clear_active_connections!(*roles)
      end
    end
  end
end
