"""What a handler sees of the steps before its own: the results of its direct parents, which came with the step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

from .declared_types import NeedsT
from .errors import TreadleError
from .json_text import parse
from .lazy import lazy

if TYPE_CHECKING:
    from ._proto.treadle.v1 import worker_pb2


@dataclass(frozen=True)
class ParentStep:
    """A direct parent of the step."""

    name: str
    results: Any


class Sequence(Generic[NeedsT]):
    """Results of the direct parents, by step name: `sequence["validate_order"]["total"]`."""

    def __init__(self, parents: Iterable[worker_pb2.ParentResult]) -> None:
        self._parents = parents
        self._values: dict[str, Any] = {}
        self._needs: NeedsT | None = None

    @lazy
    def _texts(self) -> dict[str, str]:
        return {each.step_name: each.results_json for each in self._parents}

    def result(self, name: str) -> Any:
        """The results of the parent called `name`. Raises TreadleError `unknown_step` when there is no such parent."""
        if name not in self._values:
            if name not in self._texts:
                raise self._unknown(name)
            self._values[name] = parse(self._texts[name])
        return self._values[name]

    def __getitem__(self, name: str) -> Any:
        return self.result(name)

    def get(self, name: str, otherwise: Any = None) -> Any:
        """The results of the parent called `name`, or `otherwise` when there is no such parent."""
        return self.result(name) if name in self._texts else otherwise

    def find_step_by_name(self, name: str) -> ParentStep:
        """The parent called `name`, as the Rails engine calls it. Raises TreadleError `unknown_step`."""
        return ParentStep(name, self.result(name))

    def names(self) -> list[str]:
        """Names of the direct parents."""
        return list(self._texts)

    @property
    def needs(self) -> NeedsT:
        """The results of all parents: a dict by step name, or the model that the handler declares."""
        if self._needs is None:
            self._needs = {name: self.result(name) for name in self._texts}  # type: ignore[assignment]
        return self._needs  # type: ignore[return-value]

    def declare(self, needs: NeedsT, values: Mapping[str, Any]) -> None:
        """What the handler's model made of the results. A parent that the model leaves out is a parent all the same."""
        self._needs = needs
        self._values.update(values)

    def __contains__(self, name: object) -> bool:
        return name in self._texts

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def _unknown(self, name: str) -> TreadleError:
        names = self.names()
        existing = f"the parents are {', '.join(names)}" if names else "this step has no parents"
        message = f'expected the name of a direct parent, got "{name}": {existing}'
        return TreadleError("unknown_step", message, {"name": name, "parents": names})
