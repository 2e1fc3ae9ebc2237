"""The same handlers on the event loop: `treadle-worker contract_async`."""

from __future__ import annotations

import contract_deeds
import contract_models


class ContractHandler(contract_deeds.AsyncDeedHandler):
    """Declares nothing."""


class CheckedContractHandler(contract_deeds.AsyncDeedHandler):
    """The same with declarations."""

    context_model = contract_models.Order
    needs_model = contract_models.Needs
    config_model = contract_models.Config
    output_model = contract_models.Totalled
