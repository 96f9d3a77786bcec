"""An administrator who makes a system, an account or a channel of a team: the lead hears of it in the same step, whatever the reason."""

import pytest
from joserfc.jwk import ECKey
from lxml import html

from broker.storage.tables import Task
from schemas.codes import Priority
from tests.contract.calling import VISITORS, message, opened, town_copy
from tests.contract.visiting import employ, text, visitor

LEAD, PARTNERSHIP = "bcht-safeguarding-lead", "birmingham-partnership"
HOOK = {"kind": "webhook", "url": "https://93.184.216.34/in", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}


@pytest.fixture
def town(request, tmp_path):
    """A team that has been told something, people of it, its lead, and an administrator of bad will."""
    with town_copy(request, tmp_path) as url, opened(url, demo=True) as broker:
        employ(broker, "joe", VISITORS)
        employ(broker, "lena", LEAD, role="named-nurse")
        employ(broker, "chris", name="Chris Ward", scopes=["baton/admin"])
        assert broker.post(message("birth")).status_code == 200
        yield broker


def key(kid):
    return ECKey.generate_key("P-384", {"kid": kid, "use": "sig", "alg": "ES384"}).as_dict(private=False)


KEY = key("first")


def client(**more):
    return {"team": VISITORS, "jwks": {"keys": [KEY]}, "scopes": ["baton/mailbox"]} | more


def put(town, path, body):
    answer = town.call("PUT", f"/admin/{path}", None, json=body, scopes=("baton/admin",))
    assert answer.status_code == 200, answer.text
    return answer


def heard(town, team=LEAD):
    """The texts of what leads were told of access, in the order of their coming, with how urgent it is."""
    rows = sorted(town.rows(Task, owner_team_id=team), key=lambda row: (row.authored_at, row.id))
    told = [row for row in rows if row.dedupe_key and row.dedupe_key.startswith("access:")]
    found = [town.call("GET", f"/fhir/Task/{row.id}", team).json() for row in told]
    return [(one["description"], one["priority"]) for one in found]


def test_a_second_system_of_a_team_is_told_to_its_lead(town):
    put(town, "clients/another", client())
    [(said, priority)] = heard(town)
    assert "the system another may call for Birmingham health visiting" in said
    assert priority == Priority.URGENT.value
    put(town, "clients/another", client())  # what is there already
    assert len(heard(town)) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"jwks": {"keys": [key("second")]}},
        {"jwks": {"keys": [KEY, key("second")]}},
        {"scopes": ["baton/mailbox", "system/Task.rs"]},
    ],
    ids=["another key", "a second key", "more rights"],
)
def test_so_is_each_key_and_right_that_it_gets_later(town, changed):
    put(town, "clients/another", client())
    town.clock.forward(minutes=1)
    put(town, "clients/another", client(**changed))
    assert len(heard(town)) == 2


def test_so_is_a_system_of_another_team_that_becomes_one_of_this(town):
    put(town, "clients/another", client(team="swbh-midwifery"))
    assert heard(town) == []
    put(town, "clients/another", client())
    assert len(heard(town)) == 1


def test_what_takes_away_is_not(town):
    put(town, "clients/another", client(scopes=["baton/mailbox", "system/Task.rs"]))
    put(town, "clients/another", client())
    put(town, "clients/another", client(revoked=True))
    assert len(heard(town)) == 1
    town.clock.forward(minutes=1)
    put(town, "clients/another", client())
    assert len(heard(town)) == 2, "it calls again"


def test_copies_that_go_elsewhere_are(town):
    put(town, f"teams/{VISITORS}/channel", HOOK)
    [(said, priority)] = heard(town)
    assert "what Birmingham health visiting is told goes out by another channel" in said
    assert priority == Priority.URGENT.value
    put(town, f"teams/{VISITORS}/channel", HOOK | {"enabled": False})
    assert len(heard(town)) == 1


def test_an_account_that_acts_for_a_team_is_whoever_makes_it_and_how(town):
    seat = {"seats": [{"team": VISITORS, "practitioner": "joe"}], "name": "Somebody"}
    put(town, "accounts/mole", seat | {"subject": "mole"})
    [(said, priority)] = heard(town)
    assert "somebody may sign in for Birmingham health visiting by the account mole" in said
    assert priority == Priority.ROUTINE.value
    town.clock.forward(minutes=1)
    put(town, "accounts/mole", seat | {"subject": "mole"})
    assert len(heard(town)) == 1
    put(town, "accounts/mole", seat | {"subject": "quite another"})
    assert len(heard(town)) == 2, "the account is somebody else's"
    town.clock.forward(minutes=1)
    chris = visitor(town, "chris")
    form = {"name": "Grace Obi", "team": VISITORS, "role": "health-visitor"}
    answer = chris.send(chris.get("/app/admin/people/new"), "/app/admin/people/new", **form)
    assert "It is written down." in text(html.fromstring(answer.text))
    assert len(heard(town)) == 3


def test_of_the_leads_own_team_somebody_else_hears(town):
    put(town, "clients/of-the-lead", client(team=LEAD))
    assert heard(town) == []
    [(said, _)] = heard(town, PARTNERSHIP)
    assert "the system of-the-lead may call" in said


def test_a_team_that_comes_to_baton_is_nothing_to_tell(town):
    body = {"agency": "bcht", "function": "school-nursing", "name": "New school nurses"}
    put(town, "teams/new-school-nurses", body)
    put(town, "clients/new-school-nurses", client(team="new-school-nurses"))
    assert heard(town) == []


def test_the_lead_sees_who_did_it(town):
    put(town, "clients/another", client())
    lena = visitor(town, "lena")
    [row] = [row for row in town.rows(Task, owner_team_id=LEAD) if (row.dedupe_key or "").startswith("access:")]
    page = text(lena.get(f"/app/tasks/{row.id}"))
    assert f"An administrator ({town.name(None, ('baton/admin',))}) has changed who acts for a team" in page
