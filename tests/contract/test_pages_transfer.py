"""A transfer on its page over HTTP: each child separately, checked before it is sent, and what remains open."""

import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import html

from broker.storage.tables import Task
from schemas import bundle
from schemas.examples.cast import AVA
from schemas.examples.story import MESSAGES
from tests.contract.calling import MIDWIVES, VISITORS, as_of_yesterday, message, opened, town_copy
from tests.contract.visiting import employ, text, visitor

RECEIVERS = "swbh-health-visiting"


@pytest.fixture
def town(request, tmp_path):
    """Two children of whom Birmingham's health visitors hand over."""
    with town_copy(request, tmp_path) as url, opened(url, demo=True) as broker:
        employ(broker, "ruth", VISITORS, name="Ruth Okafor")
        employ(broker, "joanne", RECEIVERS, name="Joanne Pike")
        employ(broker, "jo", "harborne-practice", role="general-practitioner")
        for name, team in (("birth", MIDWIVES), ("involvement-start", VISITORS), ("transfer", VISITORS)):
            answered = broker.post(message(name), team=team)
            assert answered.status_code == 200, answered.text
        yield broker


def whole(town):
    [found] = town.rows(Task, owner_team_id=RECEIVERS, code="transfer")
    return found


def lines(town):
    return sorted(town.rows(Task, part_of=whole(town).id, code="confirm-child"), key=lambda row: row.id)


def page_of(town, who):
    return who.get(f"/app/transfers/{whole(town).id}")


def check(town, who, **fields):
    page = page_of(town, who)
    return who.send(page, f"/app/transfers/{whole(town).id}/check", **fields)


def send(town, who, checked):
    return who.send(html.fromstring(checked.text), f"/app/transfers/{whole(town).id}/send")


def test_each_child_is_decided_by_itself_and_nothing_is_sent_before_it_was_checked(town):
    joanne, [first, second, *_] = visitor(town, "joanne"), lines(town)
    checked = check(
        town,
        joanne,
        **{
            f"{first.id}.decision": "accept",
            f"{second.id}.decision": "caretake",
            f"{second.id}.review": "2026-03-09",
            f"{second.id}.words": "We weigh her, and no more.",
        },
    )
    said = text(html.fromstring(checked.text))
    assert "Check before you send" in said
    assert "We weigh her, and no more." in said
    assert "Still open afterwards" in said
    assert {line.status for line in lines(town)} <= {"requested", "received"}
    done = send(town, joanne, checked)
    assert "What is still open stands below" in done.text
    states = {line.id: (line.status, line.business_status) for line in lines(town)}
    assert states[first.id] == ("completed", None)
    assert states[second.id] == ("on-hold", "caretaking")
    assert "Taken over" in text(html.fromstring(done.text))
    # The sender sees the same, and may not take a child over from itself.
    seen = page_of(town, visitor(town, "ruth"))
    assert "Taken over" in text(seen)
    assert not seen.xpath("//input[@value='accept']")


def test_what_a_decision_lacks_is_said_at_its_line_and_nothing_is_sent(town):
    joanne, [first, second, *_] = visitor(town, "joanne"), lines(town)
    wrong = check(
        town,
        joanne,
        **{
            f"{first.id}.decision": "decline",
            f"{second.id}.decision": "caretake",
            f"{second.id}.words": "Until she moves.",
        },
    )
    assert wrong.status_code == 422
    page = html.fromstring(wrong.text)
    links = {link.get("href") for link in page.xpath("//*[contains(@class,'nhsuk-error-summary__list')]//a")}
    assert links == {f"#{first.id}-reason", f"#{second.id}-review"}
    assert page.get_element_by_id(f"{second.id}-words").value.strip() == "Until she moves."
    assert page.xpath(f"//input[@name='{first.id}.decision'][@value='decline']/@checked")


def test_the_page_watches_the_whole_and_each_child_as_it_shows_them(town):
    watched = parse_qs(urlsplit(page_of(town, visitor(town, "joanne")).xpath("//body/@data-live")[0]).query)
    shown = [whole(town), *lines(town)]
    assert watched["task"][0] == shown[0].id
    assert dict(zip(watched["task"], watched["version"], strict=True)) == {row.id: str(row.version) for row in shown}


def test_from_the_page_before_sending_one_goes_back_to_what_was_typed(town):
    joanne, [first, *_] = visitor(town, "joanne"), lines(town)
    typed = {f"{first.id}.decision": "ask", f"{first.id}.words": "When was she weighed?"}
    checked = check(town, joanne, **typed)
    address = f"/app/transfers/{whole(town).id}/check"
    back = joanne.send(html.fromstring(checked.text), address, change="1")
    page = html.fromstring(back.text)
    assert back.status_code == 200
    assert page.xpath(f"//input[@name='{first.id}.decision'][@value='ask']/@checked")
    assert page.get_element_by_id(f"{first.id}-words").value.strip() == "When was she weighed?"
    assert not page.find_class("nhsuk-error-summary")


def test_nothing_decided_is_nothing_to_send(town):
    answer = check(town, visitor(town, "joanne"))
    assert answer.status_code == 422
    assert "Decide about at least one person" in answer.text


def test_two_at_once_the_second_is_told_and_nothing_of_theirs_is_sent(town):
    one, other, [first, second, *_] = visitor(town, "joanne"), visitor(town, "joanne"), lines(town)
    checked = [check(town, who, **{f"{first.id}.decision": "accept"}) for who in (one, other)]
    also = check(
        town,
        other,
        **{f"{first.id}.decision": "decline", f"{first.id}.reason": "30013", f"{second.id}.decision": "accept"},
    )
    assert send(town, one, checked[0]).status_code == 200
    late = send(town, other, also)
    assert late.status_code == 409
    assert "Somebody was quicker, and nothing was sent" in late.text
    states = {line.id: line.status for line in lines(town)}
    assert states[first.id] == "completed"
    assert states[second.id] in ("requested", "received")


def of_the_baby_alone():
    """The transfer of the examples without a word of the baby's sister."""
    said = MESSAGES["transfer"]
    without = replace(
        said,
        subjects=tuple(person for person in said.subjects if person != AVA.key),
        people=tuple(person for person in said.people if person.key != AVA.key),
        relationships=tuple(one for one in said.relationships if AVA.key not in (one.person, one.to)),
        household=tuple(one for one in said.household if one.person != AVA.key),
        facts=tuple(fact for fact in said.facts if fact.about != AVA.key),
    )
    sent = bundle.write(
        without, source="https://example.test", source_name="test", timestamp=said.sent, bundle_id=said.id
    )
    return as_of_yesterday(json.loads(json.dumps(sent)))


def test_a_child_of_whom_nothing_is_said_is_loud(request, tmp_path):
    with town_copy(request, tmp_path) as url, opened(url, demo=True) as broker:
        employ(broker, "joanne", RECEIVERS, name="Joanne Pike")
        for name, team in (("birth", MIDWIVES), ("involvement-start", VISITORS)):
            assert broker.post(message(name), team=team).status_code == 200
        assert broker.post(of_the_baby_alone(), team=VISITORS).status_code == 200
        page = page_of(broker, visitor(broker, "joanne"))
    [loud] = page.xpath("//section[contains(@class,'baton-line--nothing')]")
    assert "Ava" in loud.findtext(".//h2/bdi")
    assert "NOTHING SUPPLIED about this child" in loud.text_content()


def test_a_transfer_is_there_for_its_two_sides_alone(town):
    assert visitor(town, "jo").http.get(f"/app/transfers/{whole(town).id}").status_code == 404
    line = lines(town)[0]
    assert visitor(town, "joanne").http.get(f"/app/transfers/{line.id}").status_code == 404


def test_the_parents_sheet_is_for_both_sides_and_says_what_the_call_says(town):
    place = f"/app/transfers/{whole(town).id}"
    assert visitor(town, "joanne").get(place).xpath(f"//a[@href='{place}/sheet']")
    shown = visitor(town, "joanne").http.get(f"{place}/sheet")
    assert shown.status_code == 200
    assert shown.text == town.call("GET", f"/transfers/{whole(town).id}/summary", RECEIVERS).text
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert visitor(town, "jo").http.get(f"{place}/sheet").status_code == 404
