"""The one place that names all adapters: a new agency is its module, its samples and a line here."""

from collections.abc import Mapping
from typing import Final

from adapters.childrens_social_care import ChildrensSocialCare
from adapters.cmht import MentalHealth
from adapters.gp import GeneralPractice
from adapters.health_visiting import HealthVisiting
from adapters.midwifery import Midwifery
from adapters.port import Adapter
from adapters.probation import Probation

ADAPTERS: Final[Mapping[str, Adapter]] = {
    adapter.kind: adapter
    for adapter in (
        Midwifery(),
        HealthVisiting(),
        GeneralPractice(),
        MentalHealth(),
        Probation(),
        ChildrensSocialCare(),
    )
}
"""What `POST /adapters/{kind}/events` reads."""

CLOUD_EVENTS: Final = frozenset({"health-visiting"})
"""Kinds that read CloudEvents (MNS), which may come in binary mode too."""
