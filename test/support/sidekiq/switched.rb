# frozen_string_literal: true

# A Rails app whose Tasker::TaskRunnerJob brings tasks to Treadle from now on.

require_relative 'rails_engine'
require 'treadle/active_job'

Treadle.take_over_task_runner!
