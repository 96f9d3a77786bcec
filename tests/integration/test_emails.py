"""A team told by e-mail, with a real mail server and both databases: one e-mail for all that waits, not more than one in a quarter of an hour, until it has looked."""

import asyncio
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlmodel import select

from broker.bus.embedded import EmbeddedBus
from broker.domain.caller import Caller
from broker.domain.states import AttemptOutcome, ChannelKind, DeliveryState
from broker.errors import Misconfigured
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage.tables import Audit, Channel
from broker.worker import Worker
from broker.workflow import take
from tests.conftest import NOON
from tests.default_policy import default_policy
from tests.integration.delivery_rows import delivery, prepared, row, tell
from tests.integration.test_worker import all_in, attempts, read, until, working
from tests.unit.channels.mailserver import mail_host

GP = "cape-hill-practice"
WHERE = "https://baton.example"


def runtime(store, clock, host, **settings):
    values = {"poll_seconds": 0.05, "public_url": WHERE, "canary_seconds": 10**9}
    values |= {"smtp_url": SecretStr(f"smtp://127.0.0.1:{host.port}")}
    return Runtime(Settings(**(values | settings)), store, default_policy(), EmbeddedBus(), clock)


def by_email(store):
    prepared(store)
    address = Channel(team_id=GP, kind=ChannelKind.EMAIL, url="mailto:duty@surgery.example", changed_at=NOON)
    store.write(lambda session: session.add(address))


def test_one_e_mail_for_all_that_waits_and_the_next_a_quarter_of_an_hour_later(store, clock):
    async def go():
        async with mail_host() as host:
            by_email(store)
            first = tell(store, *(delivery(GP) for _ in range(12)))
            async with working(runtime(store, clock, host)):
                await until(all_in, store, first, DeliveryState.SENT)
                clock.forward(minutes=5)
                [second] = tell(store, delivery(GP, clock()))
                await asyncio.sleep(0.3)  # several looks
                too_early = (len(host.got), row(store, second).attempts)
                clock.forward(minutes=10)
                await until(all_in, store, [second], DeliveryState.SENT)
            return host, first, too_early

    host, first, too_early = asyncio.run(go())
    assert too_early == (1, 0)
    assert len(host.got) == 2
    assert {str(message["To"]) for message in host.messages} == {"duty@surgery.example"}
    assert all(WHERE in message.get_content() for message in host.messages)
    assert set(attempts(store, first[0])) == {(AttemptOutcome.UNANSWERED, "receipt-follows")}
    assert [entry for entry in read(store, select(Audit)) if entry.action == "disclose"] == []


def test_nothing_of_what_waits_is_in_the_e_mail(store, clock):
    async def go():
        async with mail_host() as host:
            by_email(store)
            ids = tell(store, delivery(GP))
            async with working(runtime(store, clock, host)):
                await until(all_in, store, ids, DeliveryState.SENT)
            return host.got[0].content.decode(), ids

    said, ids = asyncio.run(go())
    secrets = ("Testerly", "Bluebell", "birth", "swbh", "1 ", ids[0], row(store, ids[0]).notification_id)
    assert [word for word in secrets if word in said.split("\r\n\r\n", 1)[1]] == []
    assert [word for word in secrets[:4] if word.lower() in said.lower()] == []


def test_the_look_into_the_mailbox_ends_it_and_what_is_not_looked_at_is_told_again(store, clock):
    async def go():
        async with mail_host() as host:
            by_email(store)
            taken, left = tell(store, delivery(GP), delivery(GP))
            run = runtime(store, clock, host)
            async with working(run):
                await until(all_in, store, [taken, left], DeliveryState.SENT)
                caller = Caller(client="practice", team=GP)
                store.write(lambda session: take.has_arrived(session, run.context(session), caller, taken, clock()))
                clock.forward(minutes=15)
                await until(lambda: len(attempts(store, left)) == 2)
            return host, taken, left

    host, taken, left = asyncio.run(go())
    assert len(host.got) == 2
    assert (row(store, taken).state, len(attempts(store, taken))) == (DeliveryState.DELIVERED, 1)
    assert row(store, left).state is DeliveryState.SENT


def test_an_e_mail_that_nobody_took_is_none_and_the_next_try_waits_for_no_quarter_of_an_hour(store, clock):
    async def go():
        async with mail_host() as host:
            host.rcpt = "451 Greylisted"
            by_email(store)
            [id_] = tell(store, delivery(GP))
            async with working(runtime(store, clock, host, retry_ladder=[timedelta(seconds=5)])):
                await until(lambda: len(attempts(store, id_)) == 1)
                host.rcpt = "250 OK"
                clock.forward(seconds=6)
                await until(all_in, store, [id_], DeliveryState.SENT)
            return id_

    assert [outcome for outcome, _ in attempts(store, asyncio.run(go()))] == [
        AttemptOutcome.UNREACHABLE,
        AttemptOutcome.UNANSWERED,
    ]


@pytest.mark.parametrize("settings", [{"smtp_url": SecretStr("http://secret@mail")}, {"smtp_from": "Baton"}])
def test_a_mail_server_that_is_none_is_refused_at_start_without_being_quoted(store, clock, settings):
    class Host:
        port = 25

    with pytest.raises(Misconfigured) as refused:
        Worker(runtime(store, clock, Host, **settings))
    assert "secret" not in str(refused.value)
