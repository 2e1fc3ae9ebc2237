"""How long to wait before the next attempt to connect: longer and longer, and never all workers at the same instant."""

from __future__ import annotations

import random

FIRST_SECONDS = 0.1
MOST_SECONDS = 10.0


class Backoff:
    """Doubles from 0.1 to 10 seconds, of which a random half to all is waited."""

    def __init__(self) -> None:
        self._next = FIRST_SECONDS

    def reset(self) -> None:
        """A connection was made."""
        self._next = FIRST_SECONDS

    def next(self) -> float:
        """Seconds to wait now."""
        most, self._next = self._next, min(self._next * 2, MOST_SECONDS)
        return random.uniform(most / 2, most)
