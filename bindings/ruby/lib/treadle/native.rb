# frozen_string_literal: true

# Handlers inside the Node process of an engine. The addon (bindings/native) starts Ruby there and calls `main`; nothing of
# this is for programs in Ruby. No gRPC is loaded.

require 'treadle'
require_relative 'native/program'

module Treadle
  # See bindings/native/README.md for what crosses.
  module Native
    # Serves until the port closes. Raises when it cannot begin.
    def self.main(port, options)
      Program.new(port, Settings.parse(options)).run
    end
  end
end
