# frozen_string_literal: true

# `require 'treadle/tasker_compat'` gives the names of the Rails engine (gem tasker-engine) that a step handler uses, so that
# its class runs unchanged on a Treadle worker: Tasker::StepHandler::Base and Api, and Tasker's errors.

require_relative '../treadle'

# By its constants: a bundle that has the gem without loading it (`bundle exec`) does no harm.
if defined?(::Tasker::Engine) || defined?(::Tasker::TaskHandler)
  raise Treadle::InvalidArgumentError, 'treadle/tasker_compat: the gem tasker-engine is loaded in this process and has these ' \
                                       'names already; run Treadle workers without it (Gemfile: require: false)'
end

require_relative 'tasker_compat/errors'
require_relative 'tasker_compat/events'
require_relative 'tasker_compat/base'
require_relative 'tasker_compat/response'
require_relative 'tasker_compat/api'
