"""Telling from a page over HTTP: a concern, and handing over every child of the household, as a system would send them."""

from dataclasses import replace
from datetime import timedelta

import orjson
import pytest
from lxml import html

from broker.domain.caller import Caller
from broker.domain.states import PersonState
from broker.domain.world import KnownIdentifier, KnownPerson
from broker.storage.tables import Membership, Notification, Subject, Task
from broker.web.pages import event_form
from broker.web.pages.forms import Form
from broker.workflow import intake
from broker.workflow.tell import Tellable
from schemas import bundle
from schemas.codes import Event
from schemas.events import SPECS, check
from schemas.identifiers import NHS_NUMBER
from schemas.limits import Limits
from schemas.message import Professional
from tests.conftest import NOON
from tests.contract.calling import VISITORS, message, opened, town_copy
from tests.contract.visiting import Visitor, employ, text

RECEIVERS = "swbh-health-visiting"
CALLER = Caller(
    client="person:ruth",
    team=VISITORS,
    agency="bcht",
    scopes=frozenset(),
    practitioner=Professional(name="Ruth Okafor", role="health-visitor"),
)


@pytest.fixture
def town(request, tmp_path):
    """Health visitors who were told of the birth of twins."""
    with town_copy(request, tmp_path) as url, opened(url, demo=True) as broker:
        employ(broker, "ruth", VISITORS, name="Ruth Okafor")
        employ(broker, "police", "wmp-police", role="police-officer")
        assert broker.post(message("birth-twins")).status_code == 200
        yield broker


def ruth(town):
    made = Visitor(town)
    made.sign_in("ruth")
    return made


def address(town, telling):
    homes = {row.household_id for row in town.rows(Membership)}
    who = ruth(town)
    [home] = [one for one in homes if who.http.get(f"/app/households/{one}/{telling}").status_code == 200]
    return f"/app/households/{home}/{telling}"


def told(town, event):
    return [row for row in town.rows(Notification, event=event) if row.sender_team_id == VISITORS]


def about(page):
    return [box.get("value") for box in page.xpath("//input[@name='about']")]


def test_a_concern_goes_the_way_of_every_message_under_the_name_of_who_sent_it(town):
    who, place = ruth(town), address(town, "concern")
    page = who.get(place)
    said = {"about": about(page)[:1], "kind": "neglect", "detail": "No <b>food</b> in the home.", "priority": "urgent"}
    for _ in range(2):  # the same form twice is the same message
        done = who.send(page, place, **said)
        assert done.request.url.path == "/app/sent"
        assert "It was sent." in done.text
    [notification] = told(town, "concern")
    assert (notification.kind, notification.priority, notification.state) == ("neglect", "urgent", "accepted")
    asked = town.rows(Task, notification_id=notification.id, code="acknowledge")
    assert asked
    other = who.send(page, place, **said | {"detail": "Something else."})
    assert other.status_code == 422
    assert "sent before with other words" in other.text
    sent = who.get(f"/app/tasks/{asked[0].id}")
    assert "No <b>food</b> in the home." in text(sent)
    assert "Ruth Okafor, health visitor" in text(sent)


def test_every_child_of_the_household_is_ticked_to_be_handed_over(town):
    who, place = ruth(town), address(town, "transfer")
    page = who.get(place)
    ticked = [box.get("value") for box in page.xpath("//input[@name='about'][@checked]")]
    assert len(ticked) == 2
    care = {f"care-{ticked[0]}": "Weighed last week; no concerns."}
    done = who.send(page, place, about=ticked, to=RECEIVERS, reason="moved", **care)
    assert "It was sent." in done.text
    [notification] = told(town, "transfer")
    assert {row.person_id for row in town.rows(Subject, notification_id=notification.id) if not row.named} == set(
        ticked
    )
    [whole] = town.rows(Task, owner_team_id=RECEIVERS, code="transfer")
    lines = town.rows(Task, part_of=whole.id, code="confirm-child")
    assert {line.person_id for line in lines} == set(ticked)


@pytest.mark.parametrize(
    ("telling", "wanted"),
    [("concern", {"#about", "#kind", "#detail", "#priority"}), ("transfer", {"#to", "#reason"})],
)
def test_what_is_missing_is_said_at_its_field_and_nothing_is_sent(town, telling, wanted):
    who, place = ruth(town), address(town, telling)
    wrong = who.send(who.get(place), place)
    assert wrong.status_code == 422
    page = html.fromstring(wrong.text)
    assert {link.get("href") for link in page.xpath("//*[contains(@class,'nhsuk-error-summary__list')]//a")} == wanted
    assert told(town, telling) == []


def test_nobody_is_told_of_who_was_not_offered(town):
    who, place = ruth(town), address(town, "concern")
    said = {"about": ["somebody-else"], "kind": "neglect", "detail": "x", "priority": "routine"}
    assert who.send(who.get(place), place, **said).status_code == 422
    assert told(town, "concern") == []


def test_a_household_of_others_is_not_there(town):
    place = address(town, "concern")
    other = Visitor(town)
    other.sign_in("police")
    assert other.http.get(place).status_code == 404


# --- by the definitions of events


WRITTEN = {"text": "As seen.", "textarea": "As <b>seen</b>.", "date": "2026-02-27", "datetime": "2026-02-27T10:00"}


NUMBERS = {"attempt": "2", "weight": "4200", "length": "55", "head-circumference": "38", "centile": "25"} | {
    "number-of-fetuses": "1",
    "gestation": "20",
    "postcode": "b66 2qz",
}


@pytest.mark.parametrize("event", sorted(event_form.TOLD))
def test_what_a_form_makes_of_a_definition_is_a_message_that_is_taken(event):
    """Whole, and with no more than the definition requires: the checks of what arrives find nothing to refuse."""
    people = (_tellable("child", 200), _tellable("mother", 9500, "female"))
    [*subjects] = event_form.subjects_of(event, people)
    fields = event_form.fields_of(event, people)
    for every in (True, False):
        form = Form([*_filled(event, fields, every=every), ("about", subjects[0].known.id)])
        assert event_form.problems_of(event, form, people, NOON) == []
        made = event_form.message_of(event, form, people, CALLER, "m-1", NOON)
        wrong = [problem for problem in check(made, NOON) if problem.severity == "error"]
        assert wrong == []
        assert {fact.code for fact in made.facts} >= set(SPECS[event].required)
        written = bundle.write(made, source="http://testserver", source_name="Baton", timestamp=NOON, bundle_id="b-1")
        limits = Limits(bytes=1_000_000, depth=40, entries=500)
        incoming = intake.read_fhir(orjson.dumps(written), "application/fhir+json", limits, NOON)
        assert incoming.standing == "usable"


def _tellable(id_, days, gender=None):
    number = KnownIdentifier(
        system=NHS_NUMBER, value="9990000409", valid=True, verified=True, asserted_by="x", agency="x", binding=True
    )
    known = KnownPerson(
        id=id_,
        state=PersonState.LIVING,
        born=(NOON - timedelta(days=days)).date(),
        family="Hartley",
        given=("<b>",),
        gender=gender,
        identifiers=(number,),
    )
    return Tellable(known=known, child=days < 6575, agency="bcht")


def _filled(event, fields, *, every):
    needed = {*SPECS[event].required, "kind", "occurred", "basis", "line", "postcode", "lives-child"}
    for one in fields:
        if one.name == "about" or not (every or one.name in needed):
            continue
        options = [value for value, _ in one.options if value]
        value = NUMBERS.get(one.name) or (options[0] if options else WRITTEN[one.kind])
        yield one.name, "yes" if one.name == "protected" else value


def test_what_is_said_of_one_child_is_never_said_of_two_at_once():
    people = (_tellable("one", 200), _tellable("two", 200))
    said = [
        ("about", "one"),
        ("about", "two"),
        ("kind", "clinic"),
        ("occurred", "2026-02-27T10:00"),
        ("basis", "direct-care"),
    ]
    problems = event_form.problems_of(Event.CHILD_CONTACT, Form([*said, ("weight", "4200")]), people, NOON)
    assert [problem.path for problem in problems] == ["weight"]
    assert event_form.problems_of(Event.CHILD_CONTACT, Form([*said, ("concerns", "none")]), people, NOON) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("weight", "heavy"),
        ("weight", "NaN"),
        ("occurred", "soon"),
        ("seen", "maybe"),
        ("feeding", "x"),
        ("occurred", "2027-01-01T10:00"),
    ],
)
def test_what_cannot_be_read_is_said_at_its_field(name, text):
    said = {"about": "one", "kind": "clinic", "occurred": "2026-02-27T10:00", "basis": "direct-care", name: text}
    problems = event_form.problems_of(Event.CHILD_CONTACT, Form(list(said.items())), (_tellable("one", 200),), NOON)
    assert [problem.path for problem in problems] == [name]


def test_numbers_that_another_agency_holds_go_into_no_message():
    ours, theirs = (
        KnownIdentifier(
            system=f"urn:{agency}",
            value=agency,
            valid=True,
            verified=None,
            asserted_by=agency,
            agency=agency,
            binding=True,
        )
        for agency in ("bcht", "probation")
    )
    one = _tellable("one", 9500)
    one = replace(one, known=replace(one.known, identifiers=(*one.known.identifiers, ours, theirs)))
    assert {held.system for held in one.person.identifiers} == {NHS_NUMBER, "urn:bcht"}


def test_a_form_made_of_a_definition_is_sent_and_shown_at_what_it_lacks(town):
    who, place = ruth(town), address(town, "not-brought")
    choice = who.get(place.replace("not-brought", "tell"))
    offered = {link.get("href").rsplit("/", 1)[1] for link in choice.xpath("//ul[@class='baton-parts']//a")}
    assert {"concern", "transfer", "not-brought", "child-contact", "change-of-address"} <= offered
    assert offered.isdisjoint({"supervision-start", "custody-release", "mental-health-discharge"})
    assert who.http.get(place.replace("not-brought", "supervision-start")).status_code == 404
    assert who.http.get(place.replace("not-brought", "birth")).status_code == 404
    page = who.get(place)
    wrong = who.send(page, place)
    assert wrong.status_code == 422
    links = html.fromstring(wrong.text).xpath("//*[contains(@class,'nhsuk-error-summary__list')]//a/@href")
    assert links == ["#about", "#occurred"]
    said = {"about": about(page), "kind": "immunisation", "occurred": "2026-03-01T10:00", "reason-given": "<b>ill</b>"}
    assert "It was sent." in who.send(page, place, **said).text
    [notification] = told(town, "not-brought")
    assert {row.person_id for row in town.rows(Subject, notification_id=notification.id) if not row.named} == set(
        about(page)
    )


def test_a_move_is_told_of_every_child_unless_somebody_says_otherwise(town):
    who, place = ruth(town), address(town, "change-of-address")
    page = who.get(place)
    assert len(page.xpath("//input[@name='about'][@checked]")) == 2
    said = {"occurred": "2026-03-01T10:00", "line": "5 <i>Lane</i>", "postcode": "b662qz", "about": about(page)}
    assert "It was sent." in who.send(page, place, **said).text
    [moved] = told(town, "change-of-address")
    assert moved.state == "accepted"


def test_what_was_told_is_taken_back_by_its_own_team_alone_and_once(town):
    who, place = ruth(town), address(town, "concern")
    page = who.get(place)
    who.send(page, place, about=about(page), kind="neglect", detail="Wrong family.", priority="routine")
    [concern] = told(town, "concern")
    [task, *_] = town.rows(Task, notification_id=concern.id, code="acknowledge")
    form = f"/app/sent/{concern.id}/withdraw"
    assert who.get(f"/app/tasks/{task.id}").xpath(f"//a[@href='{form}']")
    other = Visitor(town)
    other.sign_in("police")
    assert other.http.get(form).status_code == 404
    assert who.send(who.get(form), form).status_code == 422
    done = who.send(who.get(form), form, **{"withdraw-reason": "wrong-person"})
    assert "It was taken back." in done.text
    [concern] = told(town, "concern")
    assert concern.state == "withdrawn"
    assert {row.status for row in town.rows(Task, notification_id=concern.id, code="acknowledge")} == {"cancelled"}
    assert who.http.get(form).status_code == 409
    assert not who.get(f"/app/tasks/{task.id}").xpath(f"//a[@href='{form}']")
