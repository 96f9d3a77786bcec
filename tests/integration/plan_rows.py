"""A town with years behind it, on PostgreSQL: what `synthetic` makes, and beside it as many people, audit entries, tries and messages under way as plans depend on."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session

from broker.storage import synthetic, synthetic_years
from broker.storage.store import Store
from broker.storage.synthetic import Amount

PEOPLE = 40_000
"""Of whom each lives in a household of three, with an address, an identifier, a team, and responsibilities."""
ENTRIES = 12_000
"""Of the audit, all but the last few sealed."""
WAITING = 300
"""Deliveries that wait for a push or in a mailbox, some for a number."""


YEARS = 7
"""How often what is over is there once more."""


def fill(store: Store, handovers: int, now: datetime) -> None:
    """An empty migrated database becomes the town."""
    for _ in synthetic.load(store, Amount(handovers=handovers, open=200), now):
        pass
    for _ in synthetic_years.repeat(store, YEARS):
        pass
    store.write(lambda session: synthetic_years.begin(session, WAITING, now))
    store.write(lambda session: _people(session, now))
    store.write(lambda session: _traffic(session, now))
    store.write(lambda session: _expected(session, now))
    synthetic.gather_statistics(store)


def _run(session: Session, statement: str, **values: object) -> None:
    session.execute(sa.text(statement), values)


def _people(session: Session, now: datetime) -> None:
    many = {"people": PEOPLE, "now": now, "team": synthetic.team_ids()[1], "born": (now - timedelta(days=900)).date()}
    _run(
        session,
        "INSERT INTO person (id, state, born, name_blind, details, resolved, version, created_at)"
        " SELECT 'p-' || n, 'living', :born, md5('name' || n), '', true, 1, :now FROM generate_series(1, :people) n",
        **many,
    )
    _run(
        session,
        "INSERT INTO identifier (id, person_id, system, blind, value, valid, binding, asserted_by, asserted_at)"
        " SELECT 'i-' || n, 'p-' || n, 'nhs', md5('number' || n), '', true, true, :team, :now"
        " FROM generate_series(1, :people) n",
        **many,
    )
    _run(
        session,
        "INSERT INTO household (id, refuge, version, created_at)"
        " SELECT 'h-' || n, false, 1, :now FROM generate_series(0, :people / 3) n",
        **many,
    )
    _run(
        session,
        "INSERT INTO membership (id, household_id, person_id, standing, state, asserted_by, asserted_at)"
        " SELECT 'm-' || n, 'h-' || n / 3, 'p-' || n, 'lives', 'current', :team, :now FROM generate_series(1, :people) n",
        **many,
    )
    _run(
        session,
        "INSERT INTO address (id, person_id, place_blind, value, protected, asserted_by, asserted_at)"
        " SELECT 'a-' || n, 'p-' || n, md5('place' || n / 3), '', false, :team, :now FROM generate_series(1, :people) n",
        **many,
    )
    _run(
        session,
        "INSERT INTO involvement (id, team_id, person_id, function, state, since, renewed_at, evidence)"
        " SELECT 'v-' || n, :team, 'p-' || n, 'health-visiting', 'confirmed', :now, :now, 'birth'"
        " FROM generate_series(1, :people) n",
        **many,
    )
    _run(
        session,
        "INSERT INTO relationship (id, person_id, kind, to_person_id, asserted_by, asserted_at)"
        " SELECT 'r-' || n, 'p-' || n, 'mother', 'p-' || (n - 1), :team, :now FROM generate_series(2, :people, 3) n",
        **many,
    )
    _run(
        session,
        "INSERT INTO responsibility (id, person_id, function, team_id, since, held_by)"
        " SELECT 'y-' || n, 'p-' || n, 'health-visiting', :team, :now, 'registration' FROM generate_series(1, :people) n",
        **many,
    )


def audit(session: Session, now: datetime, entries: int, *, marked: int = 20) -> None:
    """So many entries, all but the newest twenty with a place in the tree; `marked`: so many still marked as waiting for one."""
    many = {"now": now, "entries": entries, "marked": marked}
    _run(
        session,
        "INSERT INTO audit (id, at, action, outcome, entity, entity_id, detail, unsealed, team_id)"
        " SELECT 'e-' || n, CAST(:now AS timestamptz) - n * interval '1 minute', 'read', 'success', 'task', 'x-' || n, '{}',"
        " n <= :marked, 'agency-0-midwifery' FROM generate_series(1, :entries) n",
        **many,
    )
    _run(
        session,
        "INSERT INTO auditleaf (position, audit_id, hash) SELECT :entries - n, 'e-' || n, ''"
        " FROM generate_series(21, :entries) n",
        **many,
    )


def _traffic(session: Session, now: datetime) -> None:
    audit(session, now, ENTRIES)
    _run(
        session,
        "INSERT INTO attempt (id, delivery_id, at, outcome, detail)"
        " SELECT d.id, d.id, d.created_at, 'taken', '200' FROM delivery d",
    )
    _run(
        session,
        "INSERT INTO taskevent (id, task_id, version, move, at, detail)"
        " SELECT t.id, t.id, 1, 'raised', t.authored_at, '' FROM task t",
    )


def _expected(session: Session, now: datetime) -> None:
    """One of each person: most of them came long ago, some are waited for."""
    _run(
        session,
        "INSERT INTO expectation (id, rule, person_id, anchor, notification_id, owed_by, state, since, after_seconds, due_at,"
        " looks_at, alerts, met_by, policy_version, opened_at, ended_at)"
        " SELECT 'x-' || n, 'new-birth-contact', 'p-' || n, '', message.id, :team,"
        " CASE WHEN n % 100 = 0 THEN 'waiting' ELSE 'met' END, 'event', 60, CAST(:now AS timestamptz) + n * interval '1 minute',"
        " CASE WHEN n % 100 = 0 THEN CAST(:now AS timestamptz) + n * interval '1 minute' END, 0,"
        " CASE WHEN n % 100 = 0 THEN NULL ELSE message.id END, 'test', :now, CASE WHEN n % 100 = 0 THEN NULL ELSE CAST(:now AS timestamptz) END"
        " FROM generate_series(1, :people) n, (SELECT min(id) AS id FROM notification) message",
        people=PEOPLE,
        now=now,
        team=synthetic.team_ids()[1],
    )
    _run(
        session,
        "INSERT INTO patternlook (rule, person_id, at) SELECT 'late', 'p-' || n, CAST(:now AS timestamptz) + n * interval '1 minute'"
        " FROM generate_series(1, :people) n",
        people=PEOPLE,
        now=now,
    )
