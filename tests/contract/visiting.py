"""People at the pages over HTTP without a browser: who may sign in, and what one who has done so loads and sends."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fastapi.testclient import TestClient
from httpx import Response
from lxml import html
from sqlmodel import Session

from broker.domain.rota import Practitioner
from broker.storage import accounts, practitioners
from broker.storage.accounts import Account
from broker.web.pages.issuers import DEMONSTRATION
from tests.contract.calling import Broker


def employ(broker: Broker, who: str, *teams: str, name: str = "", role: str = "health-visitor", scopes=(), **more: Any):
    """Have somebody be of these teams, and able to sign in by the demonstration's issuer under the name `who`."""

    def work(session: Session) -> None:
        codec = broker.runtime.store.codec
        for team in teams:
            somebody = Practitioner(id=who, team_id=team, name=name or who.title(), role=role, **more)
            practitioners.put(session, codec, somebody, None)
        session.flush()
        seats = tuple((team, who) for team in teams)
        account = Account(
            id=who,
            issuer=DEMONSTRATION,
            subject=who,
            name=name or who.title(),
            scopes=frozenset(scopes),
            seats=seats,
        )
        accounts.put(session, codec, account, broker.clock())

    broker.runtime.store.write(work)


@dataclass
class Visitor:
    """A browser without JavaScript: keeps cookies, follows nothing by itself but what a form leads to."""

    broker: Broker
    http: TestClient = field(init=False)

    def __post_init__(self) -> None:
        """With cookies of its own."""
        self.http = TestClient(self.broker.app, follow_redirects=False)

    def sign_in(self, who: str, to: str = "") -> Response:
        """By the demonstration's issuer; the page that they come to."""
        asked = parse_qs(urlsplit(self.http.get("/app/sign-in/go", params={"to": to}).headers["location"]).query)
        form = {name: values[0] for name, values in asked.items()} | {"subject": who}
        return self.follow(self.http.post("/app/demo/people", data=form))

    def follow(self, answer: Response) -> Response:
        """Where redirects lead."""
        while answer.is_redirect:
            answer = self.http.get(answer.headers["location"])
        return answer

    def get(self, path: str, **asked: Any) -> html.HtmlElement:
        """A page that is there, parsed."""
        answer = self.http.get(path, params=asked or None)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:2000])
        return html.fromstring(answer.text)

    def send(self, page: html.HtmlElement, action: str, **fields: Any) -> Response:
        """A form of that page, with what it has already; where it leads."""
        answer = self.http.post(action, data=filled(page, action) | fields)
        return self.follow(answer)


def visitor(broker: Broker, who: str) -> Visitor:
    """Somebody who has signed in."""
    made = Visitor(broker)
    made.sign_in(who)
    return made


def filled(page: html.HtmlElement, action: str) -> dict[str, Any]:
    """What a browser would send of a form as it stands."""
    [form] = [one for one in page.forms if one.action == action and one.method == "POST"]
    return dict(form.form_values())


def text(page: html.HtmlElement) -> str:
    """What a page says, in one line."""
    return " ".join(page.find_class("nhsuk-main-wrapper")[0].text_content().split())
