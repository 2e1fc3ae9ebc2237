"""What a worker serves for the contract: `treadle-worker contract_handler`."""

from __future__ import annotations

import contract_deeds
import contract_models


class ContractHandler(contract_deeds.DeedHandler):
    """Declares nothing."""


class CheckedContractHandler(contract_deeds.DeedHandler):
    """The same with declarations."""

    context_model = contract_models.Order
    needs_model = contract_models.Needs
    config_model = contract_models.Config
    output_model = contract_models.Totalled
