"""What the pages about accounts show and ask; pure."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from broker.domain.rota import Gone
from broker.storage.accounts import Known
from broker.web.pages import words
from broker.web.pages.fields import Field, Option
from broker.web.pages.forms import Form
from broker.web.pages.seats import ADMIN, AUDIT
from schemas.problem import Problem

LONGEST: Final = 120
_NAME: Final = re.compile(r"[^,\x00-\x1f\x7f]+")
"""Without commas: a task names who holds it as `name, role`."""
OFFICES: Final[tuple[Option, ...]] = ((AUDIT, "Auditor"), (ADMIN, "Administrator"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """Somebody in the list."""

    href: str
    name: str
    does: tuple[str, ...]
    ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a form says of somebody."""

    name: str
    subject: str
    seats: tuple[tuple[str, str], ...]
    """Team and role, those that stay and the new one."""
    left: tuple[str, ...]
    """Teams that they are not of any more."""
    scopes: frozenset[str]
    half: bool
    """A new team was named without the role, or the other way round."""


def row_of(one: Known, names: Mapping[str, str], now: datetime) -> PersonRow:
    """Somebody in the list; who has left a team says so."""
    left = {seat.team_id for seat in one.seats if seat.gone(now) is Gone.LEFT}
    seats = tuple(
        f"{words.title(seat.role)}, {names.get(seat.team_id, seat.team_id)}{' (has left)' if seat.team_id in left else ''}"
        for seat in one.seats
    )
    held = tuple(said for scope, said in OFFICES if scope in one.scopes)
    return PersonRow(href=f"/app/admin/people/{one.id}", name=one.name, does=(*seats, *held), ended=one.revoked)


def fields_of(
    account: Known | None,
    teams: Sequence[Option],
    names: Mapping[str, str],
    roles: Sequence[str],
    *,
    by_subject: bool,
) -> tuple[Field, ...]:
    """What the form asks. The issuer's name for somebody is kept as a hash, so it is asked once and shown never."""
    known = tuple((role, words.title(role)) for role in roles)
    subject = Field(
        kind="text",
        name="subject",
        label="Their name at the issuer",
        hint="What it calls `sub`. It is not shown again.",
    )
    return (
        Field(kind="text", name="name", label="Name", values=(account.name,) if account else ()),
        *((subject,) if by_subject and account is None else ()),
        *(
            Field(
                kind="select",
                name=f"role-{seat.team_id}",
                label=f"Role in {names.get(seat.team_id, seat.team_id)}",
                options=(("", "Not of this team any more"), *known),
                values=(seat.role,),
            )
            for seat in (account.seats if account else ())
        ),
        Field(kind="select", name="team", label="Team", options=(("", "None"), *teams), group=_another(account)),
        Field(kind="select", name="role", label="Role in it", options=(("", "None"), *known), group=_another(account)),
        Field(
            kind="checkboxes",
            name="scopes",
            label="What else do they do?",
            hint="Auditors read what was answered when, and nothing of what was said. Administrators see how Baton runs, and nothing of any family.",
            options=OFFICES,
            values=tuple(sorted(account.scopes)) if account else (),
        ),
    )


def _another(account: Known | None) -> str:
    return "Another team" if account and account.seats else "A team"


def asked_of(form: Form, account: Known | None) -> Asked:
    """What was sent, not yet judged."""
    kept = [(seat.team_id, form.one(f"role-{seat.team_id}")) for seat in (account.seats if account else ())]
    team, role = form.one("team"), form.one("role")
    stays = [(id_, held) for id_, held in kept if held and id_ != team]
    return Asked(
        name=form.one("name"),
        subject=form.one("subject"),
        seats=(*stays, (team, role)) if team and role else tuple(stays),
        left=tuple(id_ for id_, held in kept if not held and id_ != team),
        scopes=frozenset(form.every("scopes")),
        half=bool(team) != bool(role),
    )


def problems_of(
    asked: Asked,
    account: Known | None,
    teams: Mapping[str, str],
    roles: Collection[str],
    *,
    by_subject: bool,
    own: bool,
) -> list[Problem]:
    """What is wrong with it. Nobody gives up or takes an office of their own: that is another administrator's to do."""
    wrong: list[tuple[str, str]] = []
    if not asked.name or len(asked.name) > LONGEST or not _NAME.fullmatch(asked.name):
        wrong.append(("name", f"Enter a name of at most {LONGEST} characters, without commas"))
    if by_subject and account is None and not asked.subject:
        wrong.append(("subject", "Enter what the issuer calls them"))
    known = {seat.team_id for seat in account.seats} if account else set()
    if asked.half or any(team not in teams and team not in known for team, _ in asked.seats):
        wrong.append(("team", "Choose a team and the role in it"))
    if any(role not in roles for _, role in asked.seats):
        wrong.append(("role", "Choose a role"))
    if not asked.scopes <= {scope for scope, _ in OFFICES}:
        wrong.append(("scopes", "Choose from what is offered"))
    elif own and account is not None and asked.scopes != account.scopes:
        wrong.append(("scopes", "Somebody else must change what you do as auditor or administrator"))
    if not asked.seats and not asked.scopes and not asked.half:
        wrong.append(("team", "Say in which team they are, or what else they do"))
    return [Problem(name, said, "value") for name, said in wrong]
