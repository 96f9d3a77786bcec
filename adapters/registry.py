"""The one place that names all adapters: a new agency is its module, its samples and a line here."""

import importlib
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Final, TypeAlias

from adapters.port import Adapter

Place: TypeAlias = str
"""`module:class` of an adapter."""


class Adapters(MutableMapping[str, Adapter]):
    """Kind → adapter. Each is imported when it is first asked for: readers of formats are large, and a command needs few of them."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        """None is imported yet."""
        self._found: dict[str, Adapter | Place] = dict(places)

    def ready(self) -> None:
        """Import all of them now, so that in what serves no event waits for that."""
        for kind in self:
            self[kind]

    def __getitem__(self, kind: str) -> Adapter:
        found = self._found[kind]
        if isinstance(found, str):
            module, _, name = found.partition(":")
            made: Adapter = getattr(importlib.import_module(module), name)()
            found = self._found[kind] = made
        return found

    def __setitem__(self, kind: str, adapter: Adapter) -> None:
        self._found[kind] = adapter

    def __delitem__(self, kind: str) -> None:
        del self._found[kind]

    def __contains__(self, kind: object) -> bool:
        return kind in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


ADAPTERS: Final = Adapters(
    {
        "midwifery": "adapters.midwifery:Midwifery",
        "health-visiting": "adapters.health_visiting:HealthVisiting",
        "gp": "adapters.gp:GeneralPractice",
        "cmht": "adapters.cmht:MentalHealth",
        "probation": "adapters.probation:Probation",
        "childrens-social-care": "adapters.childrens_social_care:ChildrensSocialCare",
    }
)
"""What `POST /adapters/{kind}/events` reads."""

CLOUD_EVENTS: Final = frozenset({"health-visiting"})
"""Kinds that read CloudEvents (MNS), which may come in binary mode too."""
