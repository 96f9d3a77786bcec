"""One broker that is served on this machine, and one browser, for all tests of this folder."""

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright
from sqlmodel import Session

from broker.domain.wanted import TaskWanted
from broker.storage import migrate
from broker.storage.codec import AesCodec
from broker.storage.store import open_store
from broker.storage.tables import Escalation
from broker.workflow import raising
from schemas.codes import TaskCode
from tests.conftest import SECRET
from tests.contract.calling import MIDWIVES, VISITORS, Broker, fill, message, opened
from tests.contract.visiting import employ
from tests.services import require

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 320, "height": 900}


@dataclass
class Site:
    """A broker as it is served."""

    address: str
    broker: Broker


STORY = (
    ("pregnancy-booking", MIDWIVES),
    ("birth", MIDWIVES),
    ("maternity-discharge", MIDWIVES),
    ("involvement-start", VISITORS),
    ("mental-health-discharge", "bsmhft-cmht"),
    ("concern-bruising", "swbh-health-visiting"),
    ("emergency-attendance", "swbh-emergency-department"),
    ("concern", MIDWIVES),
    ("transfer", VISITORS),
)
"""What was told, by whom: enough for every kind of page."""


def people(broker: Broker) -> None:
    """Somebody of each kind, and one who sits in two teams."""
    employ(broker, "joanne-pike", "swbh-health-visiting", name="Joanne Pike")
    employ(broker, "ruth-okafor", VISITORS, name="Ruth Okafor")
    employ(broker, "jo-marsh", "harborne-practice", name="Dr Jo Marsh", role="general-practitioner")
    employ(broker, "amina-yusuf", MIDWIVES, "swbh-neonatal", name="Amina Yusuf", role="midwife")
    employ(broker, "maria-santos", "swbh-safeguarding-lead", name="Maria Santos", role="named-nurse")
    employ(broker, "nadia-rahman", name="Nadia Rahman", scopes=("baton/audit",))
    employ(broker, "chris-doyle", name="Chris Doyle", scopes=("baton/admin",))


RAISED = ("Review one", "Review two", "Review three", "Review four", "Review five")


def unanswered(broker: Broker) -> None:
    """What a team was to do and has not answered, each raised to the lead of its agency."""
    now = broker.clock()

    def work(session: Session) -> None:
        for words in RAISED:
            wanted = TaskWanted(code=TaskCode.EXPECTED_EVENT, owner="swbh-midwifery", description=words, cites="F5")
            [id_] = raising.raise_tasks(session, broker.runtime.context(session), [wanted], now)
            raised = {"level": 1, "due_at": now, "rung": "lead", "team_id": "swbh-safeguarding-lead", "at": now}
            session.add(Escalation(id=str(uuid4()), task_id=id_, **raised))

    broker.runtime.store.write(work)


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A broker with people and a short story, served by a thread of this process."""
    require("browser")  # before anything that takes time
    url, port = f"sqlite:///{tmp_path_factory.mktemp('site') / 'baton.db'}", _free_port()
    address = f"http://127.0.0.1:{port}"
    store = open_store(url, AesCodec(SECRET))
    migrate.upgrade(store.engine)
    store.write(fill)
    store.close()
    with opened(url, demo=True, public_url=address) as broker:
        broker.app.state.listening.every = 0.5  # seconds: nobody waits here for a slow look
        people(broker)
        for name, team in STORY:
            assert broker.post(message(name), team=team).status_code == 200, name
        assert broker.post(b"{}").status_code == 400  # kept, to be read again
        unanswered(broker)
        server = uvicorn.Server(
            uvicorn.Config(broker.app, host="127.0.0.1", port=port, log_config=None, access_log=False, lifespan="off")
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        yield Site(address, broker)
        server.should_exit = True
        thread.join(timeout=20)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """A browser of this machine, without a window."""
    program = require("browser")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, site: Site) -> Iterator[Page]:
    """A fresh browser profile at that broker."""
    context = chromium.new_context(base_url=site.address, viewport=WIDE, locale="en-GB")
    yield context.new_page()
    context.close()


@pytest.fixture
def plain(chromium: Browser, site: Site) -> Iterator[Page]:
    """The same without JavaScript."""
    context = chromium.new_context(base_url=site.address, viewport=WIDE, locale="en-GB", java_script_enabled=False)
    yield context.new_page()
    context.close()
