"""What the auditor's list of decisions not to share shows: filters that stand in the address, and rows; pure, and without markup."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from broker.domain.reasons import NotTold
from broker.storage.keyset import Position
from broker.storage.withheld import SortBy
from broker.web.api import withheld as call
from broker.web.api.parameters import Pairs
from broker.web.pages import words
from broker.web.pages.fields import Fault, Field, Option, filled
from broker.web.pages.handover_list import Names
from broker.web.pages.task_words import what
from broker.workflow.withheld import Seen
from schemas.codes import Event

ADDRESS: Final = "/app/audit/withheld"
KNOWN: Final = (*call.FILTERS, "cursor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A decision in the list."""

    what: str
    sender: str
    team: str
    agency: str
    """Of the team, where it is called otherwise."""
    reason: str
    """The sentence, which names the principle."""
    by: str
    decided: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WithheldView:
    """The page."""

    fields: tuple[Field, ...]
    lines: tuple[Line, ...]
    first: str | None
    next: str | None
    csv: str
    faults: tuple[Fault, ...]


def asked(given: Pairs) -> dict[str, str]:
    """What an address asks for; empty fields and names that nobody knows count as not asked."""
    return {name: value.strip() for name, value in given if name in KNOWN and value.strip()}


def fields(wanted: Mapping[str, str], names: Names) -> tuple[Field, ...]:
    """The filters as they stand."""
    agencies = sorted(names.agencies.items(), key=lambda one: one[1])
    teams = sorted(
        (
            (team.id, team.name)
            for team in names.directory.teams.values()
            if _is_offered(team.id, team.agency_id, wanted)
        ),
        key=lambda one: one[1],
    )
    found = (
        _select("agency", "Agency that was not told", (("", "Every agency"), *agencies)),
        _select("team", "Team that was not told", (("", "Every team"), *teams), hint="Teams of the agency chosen"),
        _select("reason", "Reason", (("", "Every reason"), *_codes(NotTold))),
        _select("kind", "What was notified", (("", "Everything"), *_codes(Event))),
        _select("from_agency", "Agency that sent it", (("", "Every agency"), *agencies)),
        Field(kind="date", name="since", label="Decided on this day or later"),
        Field(kind="date", name="until", label="Decided on this day or earlier"),
    )
    return filled(found, {name: [value] for name, value in wanted.items()}, {})


def view_of(wanted: Mapping[str, str], names: Names, found: tuple[Sequence[Seen], Position | None]) -> WithheldView:
    """The page."""
    seen, last = found
    kept = {name: value for name, value in wanted.items() if name != "cursor"}
    return WithheldView(
        fields=fields(wanted, names),
        lines=tuple(_line(one, names) for one in seen),
        first=_address(kept) if "cursor" in wanted else None,
        next=_address(kept | {"cursor": last.text(SortBy.AT, descending=True)}) if last else None,
        csv=_address(kept, f"{ADDRESS}.csv"),
        faults=(),
    )


def refused(wanted: Mapping[str, str], names: Names, faults: Sequence[Fault]) -> WithheldView:
    """The filters again with what is wrong with them, and no row."""
    return WithheldView(fields=fields(wanted, names), lines=(), first=None, next=None, csv="", faults=tuple(faults))


def _line(seen: Seen, names: Names) -> Line:
    agency = names.agencies.get(seen.team.agency_id, seen.team.agency_id)
    return Line(
        what=what(seen.decision.event, None) or "A message",
        sender=seen.sender.name if seen.sender else "a sender who is not known",
        team=seen.team.name,
        agency="" if agency == seen.team.name else agency,
        reason=seen.decision.reason,
        by=_by(seen, names),
        decided=seen.decided,
    )


def _by(seen: Seen, names: Names) -> str:
    """Who decided: the policy by its version, or a safeguarding lead as the agency asserts."""
    if seen.lead is None:
        return f"Policy {seen.decision.policy_version}" if seen.by == "policy" else "The sender's safeguarding lead"
    team = names.directory.teams.get(seen.lead.team)
    who = ", ".join(part for part in (seen.lead.name, words.plain(seen.lead.role or "")) if part)
    return f"{who or 'Somebody'} ({team.name if team else seen.lead.team})"


def _address(wanted: Mapping[str, str], path: str = ADDRESS) -> str:
    return path + (f"?{urlencode(wanted)}" if wanted else "")


def _is_offered(team_id: str, agency_id: str, wanted: Mapping[str, str]) -> bool:
    return agency_id == wanted.get("agency") or team_id == wanted.get("team")


def _select(name: str, label: str, options: Sequence[Option], hint: str = "") -> Field:
    return Field(kind="select", name=name, label=label, options=tuple(options), hint=hint)


def _codes(codes: type[Event] | type[NotTold]) -> list[Option]:
    return sorted((code.value, words.title(code.value)) for code in codes)
