# frozen_string_literal: true

# Steps of Treadle workflows in Ruby: handlers, the worker that runs them, and a client. gRPC is loaded by the worker and
# the client alone, when they are first used: processes can fork before it, and handlers are tested without it.

require_relative 'treadle/version'
require_relative 'treadle/errors'
require_relative 'treadle/indifferent_hash'
require_relative 'treadle/log'
require_relative 'treadle/step_handler'
require_relative 'treadle/attempt'
require_relative 'treadle/registry'

require_relative 'treadle/client'
require_relative 'treadle/worker'

# See README.md.
module Treadle
  autoload :Testing, File.expand_path('treadle/testing', __dir__)
end
