# frozen_string_literal: true

require_relative 'contract_deeds'

# A handler that kills its process, for a worker of its own: `treadle-worker -r contract_deadly.rb`.
class DeadlyContractHandler < Treadle::StepHandler
  include ContractDeeds
end
