# frozen_string_literal: true

# `require 'treadle/rails'`: ActiveRecord models of the tables that Treadle and the Rails engine Tasker share. They read what
# Treadle writes at that moment, and write so that it notices and goes on. Needs activerecord 6.1 or newer and pg, and nothing
# else of this gem; an application that has the gem tasker-engine keeps its own models beside them.

require 'active_record'
require_relative 'version'
require_relative 'errors'
require_relative 'rails/law'
require_relative 'rails/record'
require_relative 'rails/function_row'
require_relative 'rails/stateful'
require_relative 'rails/audited'
require_relative 'rails/catalogue'
require_relative 'rails/named_task'
require_relative 'rails/annotations'
require_relative 'rails/task_transition'
require_relative 'rails/workflow_step_transition'
require_relative 'rails/task_scopes'
require_relative 'rails/identity'
require_relative 'rails/new_task'
require_relative 'rails/task'
require_relative 'rails/step_scopes'
require_relative 'rails/step_predicates'
require_relative 'rails/workflow_step'
require_relative 'rails/workflow_step_edge'
require_relative 'rails/step_dag_relationship'
require_relative 'rails/step_readiness_status'
require_relative 'rails/task_execution_context'
require_relative 'rails/system_reports'
require_relative 'rails/fleet'
