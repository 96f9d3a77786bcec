"""The checker finds each kind of harm when it is done to a run in which nothing went wrong."""

import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.faults.checker import Evidence, check, opened
from tests.faults.load import Load, Sent
from tests.faults.processes import Api, kept
from tests.faults.receivers import Received, Receivers
from tests.faults.town import BYSTANDER, PUSHED, Town
from tests.sealed import unguarded

A_CONCERN = "SELECT id FROM notification WHERE event = 'concern' ORDER BY received_at DESC LIMIT 1"
ONE_PUSHED = f"SELECT id FROM delivery WHERE team_id = '{PUSHED[0]}' AND cause = '' ORDER BY created_at DESC LIMIT 1"
HARM = {
    "accepted and not in the database": f"UPDATE notification SET message_id = 'another' WHERE id = ({A_CONCERN})",
    "kept otherwise than it was sent": f"UPDATE notification SET raw = x'7b7d' WHERE id = ({A_CONCERN})",
    "not decided for every team": f"UPDATE delivery SET state = 'withheld', number = NULL WHERE id = ({ONE_PUSHED})",
    "not entitled": f"UPDATE delivery SET team_id = '{BYSTANDER}' WHERE id = ({ONE_PUSHED})",
    "still to be done": f"UPDATE delivery SET state = 'ready', next_attempt_at = '2020-01-01 00:00:00.000000' WHERE id = ({ONE_PUSHED})",
    "with a gap": f"UPDATE delivery SET number = number + 100 WHERE id = ({ONE_PUSHED})",
    "that climbs": f"UPDATE task SET climbs_at = NULL WHERE notification_id = ({A_CONCERN})",
    "without a task for a person": "UPDATE delivery SET state = 'parked' WHERE id = (SELECT id FROM delivery WHERE state = 'ready' ORDER BY created_at DESC LIMIT 1)",
    "is not what the audit says of it": f"UPDATE delivery SET reason_code = 'addressed' WHERE id = ({ONE_PUSHED})",
    "audit does not verify": "UPDATE audit SET action = 'read' WHERE id = (SELECT audit_id FROM auditleaf LIMIT 1)",
}
"""By what the checker must say: what was done to the database."""


@pytest.fixture(scope="module")
def calm(sqlite_town: Town, hooks: Receivers, tmp_path_factory: pytest.TempPathFactory) -> tuple[Town, Sequence[Sent]]:
    """A run without a fault: its database, closed, and what was sent."""
    folder = tmp_path_factory.mktemp("calm")
    shutil.copy(sqlite_town.database_url.removeprefix("sqlite:///"), folder / "baton.db")
    town = sqlite_town.on(f"sqlite:///{folder}/baton.db")
    api = Api(town.settings(), folder / "api.log")
    with kept([api]):
        api.once_it_answers()
        load = Load([api.port], town, per_second=20).start()
        load.until(5, seconds=60)
        load.stop()
        check(town, Evidence(sent=load.sent, received=hooks.received))
        api.stop()
    return town, load.sent


@pytest.fixture
def harmed(calm: tuple[Town, Sequence[Sent]], tmp_path: Path) -> Callable[[str], Town]:
    """A copy of that database to which something was done."""

    def harm(statement: str) -> Town:
        for file in Path(calm[0].database_url.removeprefix("sqlite:///")).parent.glob("baton.db*"):
            shutil.copy(file, tmp_path)
        town = calm[0].on(f"sqlite:///{tmp_path}/baton.db")
        with opened(town) as store, store.engine.begin() as connection:
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            unguarded(connection)
            assert connection.execute(sa.text(statement)).rowcount
        return town

    return harm


@pytest.mark.parametrize(("said", "statement"), HARM.items(), ids=[*HARM])
def test_harm_done_to_the_database_is_found(said: str, statement: str, harmed, calm, hooks: Receivers) -> None:
    with pytest.raises(AssertionError, match=said):
        check(harmed(statement), Evidence(sent=calm[1], received=hooks.received), drain=0)


def test_a_push_to_a_stranger_and_one_that_never_arrived_are_found(calm, hooks: Receivers) -> None:
    town, sent = calm
    pushes = hooks.received()
    with opened(town) as store, store.engine.connect() as connection:
        delivered = connection.execute(sa.text(ONE_PUSHED)).scalar_one()
    without = [push for push in pushes if push.id != delivered]
    with pytest.raises(AssertionError, match=re.escape("not on the receiver's disk")):
        check(town, Evidence(sent=sent, received=lambda: without), drain=0)
    elsewhere = [*pushes, Received(BYSTANDER, delivered, 1, answered=True)]
    with pytest.raises(AssertionError, match="not entitled"):
        check(town, Evidence(sent=sent, received=lambda: elsewhere), drain=0)


def test_a_calm_run_has_nothing_to_find(calm, hooks: Receivers) -> None:
    town, sent = calm
    figures = check(town, Evidence(sent=sent, received=hooks.received), drain=0)
    assert (figures.accepted, figures.lost, figures.duplicates_on_the_wire) == (len(sent), 0, 0)
