"""What a system must bring to be registered; the calls that register it are `api.admin` and `baton client add`."""

from typing import Any

from broker.web import keys
from broker.web.tokens import SCOPES
from schemas.problem import Problem

ADMINISTRATIVE = frozenset({"baton/admin", "baton/audit", "system/AuditEvent.rs"})


def client_faults(jwks: dict[str, Any], scopes: list[str], team: str | None) -> list[Problem]:
    """What keeps a client from being registered; empty when nothing does."""
    found = [
        Problem(f"scopes[{index}]", f"must be one of {', '.join(SCOPES)}", "value")
        for index, scope in enumerate(scopes)
        if scope not in SCOPES
    ]
    if not scopes:
        found.append(Problem("scopes", "must name at least one", "required"))
    if team is None and not set(scopes) <= ADMINISTRATIVE:
        found.append(Problem("team", "is required for scopes other than administration and audit", "required"))
    return [*found, *keys.faults(jwks)]
