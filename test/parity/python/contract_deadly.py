"""A handler that kills its process, for a worker of its own: `treadle-worker contract_deadly`."""

from __future__ import annotations

import contract_deeds


class DeadlyContractHandler(contract_deeds.DeedHandler):
    """Serves the cases in which the process dies."""
