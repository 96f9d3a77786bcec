"""What a system must bring to be registered; the calls that register it are `api.admin` and `baton client add`."""

from typing import Any

from broker.web import keys
from broker.web.tokens import SCOPES
from schemas.problem import Problem

OWN_AUDIT = frozenset({"system/AuditEvent.rs"})
"""What a team's system may have of it: entries of its own team."""
ADMINISTRATIVE = frozenset({"baton/admin", "baton/audit", "system/AuditEvent.rs"})


def client_faults(
    jwks: dict[str, Any], scopes: list[str], team: str | None, issuer: str | None = None
) -> list[Problem]:
    """What keeps a client from being registered; empty when nothing does. `issuer`: outside, which speaks for it in place of keys."""
    found = [
        Problem(f"scopes[{index}]", f"must be one of {', '.join(SCOPES)}", "value")
        for index, scope in enumerate(scopes)
        if scope not in SCOPES
    ]
    if not scopes:
        found.append(Problem("scopes", "must name at least one", "required"))
    if team is None and not set(scopes) <= ADMINISTRATIVE:
        found.append(Problem("team", "is required for scopes other than administration and audit", "required"))
    if issuer is None:
        return [*found, *keys.faults(jwks)]
    if jwks.get("keys"):
        found.append(Problem("jwks", "must be empty for a client that an issuer outside speaks for", "conflict"))
    if team is None or set(scopes) & ADMINISTRATIVE - OWN_AUDIT:
        found.append(Problem("issuer", "speaks for systems of its agency's teams alone", "conflict"))
    return found
