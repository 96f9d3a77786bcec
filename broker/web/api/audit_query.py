"""Reading a search of the audit from query parameters; what is found is `storage.audit_search`'s."""

import re
from collections.abc import Iterator
from typing import Final

from broker.domain.caller import PERSON
from broker.storage.audit_search import About, Actions, Agent, AuditQuery, SortBy
from broker.storage.keyset import Position
from broker.web.api.parameters import (
    ID,
    Pairs,
    after,
    every,
    one,
    only,
    only_count,
    order,
    reference,
    refuse,
    spans,
    whole,
)
from broker.workflow import audit_wire
from schemas.codes import CANONICAL
from schemas.identifiers import TEAM

MOST: Final = 200
"""Events of one page; a larger `_count` gets as many."""
USUAL: Final = 50

KNOWN: Final = (
    "date",
    "agent",
    "agent:identifier",
    "entity",
    "entity:identifier",
    "patient",
    "action",
    "subtype",
    "outcome",
    "_sort",
    "_count",
    "_summary",
    "_cursor",
    "_format",
)
_CODE: Final = re.compile(r"[A-Za-z0-9-]{1,40}")
_ID_SYSTEM: Final = f"{CANONICAL}/Id/"


def read(pairs: Pairs) -> tuple[AuditQuery, bool]:
    """The query, and whether only its count is asked for. Unreadable names the parameter that cannot be served."""
    only(pairs, KNOWN)
    count = whole(pairs, "_count")
    sort, descending = order(pairs, "_sort", SortBy, f"-{SortBy.DATE}")
    query = AuditQuery(
        dates=spans(pairs, "date"),
        agent=_agent(pairs),
        about=tuple(_about(pairs)),
        actions=(*map(_action, every(pairs, "action")), *map(_subtype, every(pairs, "subtype"))),
        succeeded=_succeeded(pairs),
        descending=descending,
        count=min(count or 1, MOST) if count is not None else USUAL,
        after=after(pairs, sort, descending=descending),
    )
    return query, count == 0 or only_count(pairs)


def next_pairs(pairs: Pairs, query: AuditQuery, last: Position) -> list[tuple[str, str]]:
    """The parameters of the next page."""
    cursor = last.text(SortBy.DATE, descending=query.descending)
    return [*((name, value) for name, value in pairs if name != "_cursor"), ("_cursor", cursor)]


def _agent(pairs: Pairs) -> Agent | None:
    """`agent=swbh-midwifery` for a team or a client of that name, `Organization/…`, `Device/…`, `Practitioner/…` with an account's id, or by identifier."""
    value = one(pairs, "agent:identifier")
    if value is not None:
        system, _, name = value.rpartition("|")
        if system not in (TEAM, audit_wire.CLIENT) or not ID.fullmatch(name):
            refuse("agent:identifier", f"must be {TEAM}| and a team's id, or {audit_wire.CLIENT}| and a client's name")
        return Agent(name, client=system == audit_wire.CLIENT, team=system == TEAM)
    value = one(pairs, "agent")
    if value is None:
        return None
    kind, _, name = value.rpartition("/")
    if kind not in ("", "Organization", "Device", "Practitioner") or not ID.fullmatch(name):
        refuse("agent", "must be a team's id, a client's name or Practitioner/ and an account's id")
    if kind == "Practitioner":
        return Agent(f"{PERSON}{name}", client=True, team=False)
    return Agent(name, client=kind != "Organization", team=kind != "Device")


def _about(pairs: Pairs) -> Iterator[About]:
    """`entity=Task/…`, `Patient/…`, an id of anything, or `entity:identifier=…/Id/household|…`; `patient=…` is `entity=Patient/…`."""
    patient = reference(pairs, "patient", "Patient/")
    if patient is not None:
        yield About(patient, audit_wire.KINDS["Patient"])
    value = one(pairs, "entity:identifier")
    if value is not None:
        system, _, id_ = value.rpartition("|")
        kind = system.removeprefix(_ID_SYSTEM)
        if not system.startswith(_ID_SYSTEM) or not _CODE.fullmatch(kind) or not ID.fullmatch(id_):
            refuse("entity:identifier", f"must be a system that begins with {_ID_SYSTEM}, | and an id")
        yield About(id_, kind)
    value = one(pairs, "entity")
    if value is not None:
        resource, _, id_ = value.rpartition("/")
        if (resource and resource not in audit_wire.KINDS) or not ID.fullmatch(id_):
            refuse("entity", f"must be an id, or one of {', '.join(audit_wire.KINDS)}, / and an id")
        yield About(id_, audit_wire.KINDS.get(resource))


def _action(value: str) -> Actions:
    """R4's action; commas mean or."""
    codes = [_code(token, "http://hl7.org/fhir/audit-event-action", "action") for token in value.split(",")]
    if not set(codes) <= set(audit_wire.CODES):
        refuse("action", f"must be one of {', '.join(audit_wire.CODES)}", "code-invalid")
    return _either([audit_wire.actions_of(code) for code in codes])


def _subtype(value: str) -> Actions:
    """Our own word for what was done, or the standard's; commas mean or."""
    found = []
    for token in value.split(","):
        system, _, code = token.rpartition("|")
        if not _CODE.fullmatch(code):
            refuse("subtype", "must be a code", "code-invalid")
        found.append(audit_wire.actions_with(system, code))
    return _either(found)


def _either(choices: list[Actions]) -> Actions:
    """What is in one of them. All but some, or some others: all but those of the first that are not among the others."""
    named = frozenset[str]().union(*(choice.names for choice in choices if not choice.others))
    without = [choice.names for choice in choices if choice.others]
    if not without:
        return Actions(named)
    return Actions(frozenset.intersection(*without) - named, others=True)


def _succeeded(pairs: Pairs) -> bool | None:
    value = one(pairs, "outcome")
    if value is None:
        return None
    code = _code(value, "http://hl7.org/fhir/audit-event-outcome", "outcome")
    found = [succeeded for succeeded, known in audit_wire.OUTCOMES.items() if known == code]
    return found[0] if found else refuse("outcome", "must be 0 for success or 8 for failure", "code-invalid")


def _code(token: str, system: str, name: str) -> str:
    given, _, code = token.rpartition("|")
    if given not in ("", system):
        refuse(name, "is not a code of its value set", "code-invalid")
    return code
