"""The one place that names all adapters: a new agency is its module, its samples and a line here."""

from collections.abc import Mapping
from typing import Final

from adapters.midwifery import Midwifery
from adapters.port import Adapter
from adapters.probation import Probation

ADAPTERS: Final[Mapping[str, Adapter]] = {adapter.kind: adapter for adapter in (Midwifery(), Probation())}
"""What `POST /adapters/{kind}/events` reads."""

PLANNED: Final[Mapping[str, str]] = {
    "health-visiting": "Health visiting's own events are not read yet; send child-contact, involvement and transfer messages to /fhir/$process-message.",
    "gp": "GP Connect and BaRS messages are not read yet; send referral and gp-registration messages to /fhir/$process-message.",
    "cmht": "Transfer of Care documents are not read yet; send mental-health messages to /fhir/$process-message.",
}
"""Kinds that are promised and not there: each with the sentence of its 501 answer."""
