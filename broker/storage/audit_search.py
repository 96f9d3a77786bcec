"""Searching the audit: filters, order and keyset pages, always within what the caller may see; parsing of queries lives in `web`."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Session, col

from broker.domain.sealing import Entry
from broker.storage.audit import PATIENTS
from broker.storage.audit_log import ENTRY, entry
from broker.storage.keyset import Position, behind
from broker.storage.tables import Audit
from broker.storage.task_search import Span
from broker.storage.task_values import Scope

SUCCESS = "success"
PERSON = "person"
"""The kind of thing that a person is."""


class SortBy(StrEnum):
    """Orders of a search, by their FHIR names."""

    DATE = "date"


@dataclass(frozen=True, slots=True)
class Actions:
    """Some of the things that can be done: these, or with `others` all but these."""

    names: frozenset[str]
    others: bool = False


@dataclass(frozen=True, slots=True)
class About:
    """What an entry is about: an id, of one kind of thing or of any."""

    id: str
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Agent:
    """Who did it: a client's name, a team's id, or whichever of the two has it."""

    name: str
    client: bool = True
    team: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    """One search. Every filter narrows it; the spans must all hold, and so must all of `about` and of `actions`."""

    dates: Sequence[Span] = ()
    agent: Agent | None = None
    about: Sequence[About] = ()
    actions: Sequence[Actions] = ()
    succeeded: bool | None = None
    descending: bool = True
    count: int = 50
    after: Position | None = None


def search(session: Session, query: AuditQuery, scope: Scope) -> tuple[list[Entry], Position | None]:
    """One page, and the position after which the next begins; None on the last page."""
    order = (col(Audit.at), col(Audit.id))
    statement = sa.select(*ENTRY).where(*_filters(query, scope)).limit(query.count + 1)
    statement = statement.order_by(*(column.desc() if query.descending else column for column in order))
    if query.after is not None:
        statement = statement.where(behind(*order, query.after, descending=query.descending))
    found = [entry(row) for row in session.execute(statement)]
    page = found[: query.count]
    return page, Position(page[-1].at, page[-1].id) if len(found) > query.count and page else None


def count(session: Session, query: AuditQuery, scope: Scope) -> int:
    """How many there are for these eyes."""
    return session.scalar(sa.select(sa.func.count()).select_from(Audit).where(*_filters(query, scope))) or 0


def get(session: Session, entry_id: str, scope: Scope) -> Entry | None:
    """One entry; None when there is none for these eyes."""
    row = session.execute(sa.select(*ENTRY).where(col(Audit.id) == entry_id, _visible(scope))).first()
    return None if row is None else entry(row)


def _visible(scope: Scope) -> sa.ColumnElement[bool]:
    """A team's own deeds and what was done for it; who belongs to no team sees nothing by that."""
    if scope.everything:
        return sa.true()
    return sa.false() if scope.team is None else col(Audit.team_id) == scope.team


def _filters(query: AuditQuery, scope: Scope) -> list[sa.ColumnElement[bool]]:
    found = [_visible(scope)]
    for span in query.dates:
        found += [col(Audit.at) >= span.start] if span.start is not None else []
        found += [col(Audit.at) < span.end] if span.end is not None else []
    if query.agent is not None:
        columns = [(query.agent.client, Audit.client_name), (query.agent.team, Audit.team_id)]
        found.append(sa.or_(*(col(column) == query.agent.name for wanted, column in columns if wanted)))
    found += map(_is_about, query.about)
    for actions in query.actions:
        named = col(Audit.action).in_(sorted(actions.names))
        found.append(~named if actions.others else named)
    if query.succeeded is not None:
        found.append((col(Audit.outcome) == SUCCESS) == query.succeeded)
    return found


def _is_about(about: About) -> sa.ColumnElement[bool]:
    """The thing itself, or a search that found it; of a person also whatever showed them."""
    listed = sa.cast(Audit.detail, sa.Text).contains(f'"{about.id}"', autoescape=True)
    itself, found = col(Audit.entity_id) == about.id, sa.and_(sa.text("action = 'search'"), listed)
    if about.kind is None:
        return sa.or_(itself, found)
    of_its_kind = sa.and_(col(Audit.entity) == about.kind, sa.or_(itself, found))
    if about.kind != PERSON:
        return of_its_kind
    shown = sa.cast(col(Audit.detail)[PATIENTS], sa.Text).contains(f'"{about.id}"', autoescape=True)
    return sa.or_(of_its_kind, shown)
