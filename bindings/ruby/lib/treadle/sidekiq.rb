# frozen_string_literal: true

# `require 'treadle/sidekiq'` in a Sidekiq process lets it bring tasks back to the engine (`sidekiq://`): the job class and
# its middleware. Where the engine is comes from TREADLE_TARGET, or from Treadle::RunTask.configure.

require_relative 'run_task_job'
require_relative 'pending_job'

Treadle::PendingJob.install
