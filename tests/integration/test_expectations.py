"""What is expected about two records that turn out to be one child: one of a kind goes on, and nothing is lost."""

from datetime import timedelta

import pytest
from sqlmodel import col, select

from broker.domain.expecting import Expected
from broker.domain.states import ExpectationState, PersonState
from broker.storage import expectations, upcoming
from broker.storage.codec import seal_json
from broker.storage.store import Busy
from broker.storage.tables import Expectation, Person
from tests.conftest import NOON
from tests.default_policy import default_policy
from tests.integration.delivery_rows import CHILD, NOTIFICATION
from tests.integration.task_rows import ready

OTHER = "another-record"
RULES = default_policy().expectations.rules
DUE = NOON + timedelta(days=14)


@pytest.fixture
def two(store):
    """A child with two records; of both the new-birth contact is expected, of the second its registration besides."""
    ready(store)

    def work(session):
        details = seal_json(store.codec, {}, f"person:{OTHER}")
        session.add(Person(id=OTHER, state=PersonState.LIVING, details=details, created_at=NOON))
        session.flush()
        for person, name in ((CHILD, "new-birth-contact"), (OTHER, "new-birth-contact"), (OTHER, "gp-registration")):
            rule = RULES[name]
            one = Expected(rule=rule, person_id=person, line=rule.due[0], not_before=None, due_at=DUE)
            expectations.add(session, [expectations.row(one, NOTIFICATION, "health-visiting", "test", NOON)])

    store.write(work)
    return store


def rows(store):
    query = select(Expectation).order_by(col(Expectation.rule), col(Expectation.state))
    return [(row.rule, row.person_id, row.state) for row in store.read(lambda s: s.exec(query).all())]


def test_of_two_of_a_kind_the_survivors_goes_on_and_what_only_the_other_had_moves(two):
    two.write(lambda session: expectations.merge(session, OTHER, CHILD, NOON))
    assert rows(two) == [
        ("gp-registration", CHILD, ExpectationState.WAITING),
        ("new-birth-contact", CHILD, ExpectationState.ENDED),
        ("new-birth-contact", CHILD, ExpectationState.WAITING),
    ]


def test_the_clock_looks_first_at_what_is_due_first_and_at_nothing_that_has_ended(two):
    first = two.read(lambda session: expectations.open_about(session, [OTHER]))[0]
    two.write(lambda session: expectations.move(session, first, NOON))
    assert two.read(lambda session: upcoming.earliest(session, "expect")) == NOON
    for one in two.read(lambda session: expectations.open_about(session, [CHILD, OTHER])):
        two.write(lambda session, one=one: expectations.end(session, one, ExpectationState.ENDED, "over", NOON))
    assert two.read(lambda session: upcoming.earliest(session, "expect")) is None
    assert two.read(lambda session: expectations.due(session, DUE, 10)) == []


def test_what_has_ended_is_neither_met_nor_asked_for(two):
    [one] = two.read(lambda session: expectations.open_about(session, [CHILD]))
    two.write(lambda session: expectations.end(session, one, ExpectationState.ENDED, "over", NOON))
    with pytest.raises(Busy):
        two.write(lambda session: expectations.meet(session, one, NOTIFICATION, NOON))
    with pytest.raises(Busy):
        two.write(lambda session: expectations.end(session, one, ExpectationState.ANSWERED, "answered", NOON))
