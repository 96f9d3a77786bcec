"""The page of a household over HTTP: pictures and tables hold what the calls of systems say to the same team, and no more."""

import re

import pytest
from lxml import html

from broker.storage.tables import Audit, Membership
from broker.web.pages import households
from tests.contract.calling import VISITORS, message, opened, town_copy
from tests.contract.visiting import employ, text, visitor

PRACTICE = "harborne-practice"
HOSTILE = "<script>alert(1)</script> \u202eevil\u202c 👶 " + "x" * 200


@pytest.fixture(scope="module")
def town(request, tmp_path_factory):
    """A birth of a child with a hostile name, and a bruise that was reported."""
    with town_copy(request, tmp_path_factory.mktemp("home")) as url, opened(url, demo=True) as broker:
        employ(broker, "ruth", VISITORS)
        employ(broker, "jo", PRACTICE, role="general-practitioner")
        employ(broker, "probation", "bcrc-probation", role="probation-officer")
        employ(broker, "police", "wmp-police", role="police-officer")
        employ(broker, "nadia", scopes=("baton/audit",))
        birth = message("birth")
        for entry in birth["entry"]:
            if entry["resource"]["resourceType"] == "Patient":
                entry["resource"]["name"] = [{"family": "Shaw", "given": [HOSTILE]}]
        assert broker.post(birth).status_code == 200
        assert broker.post(message("concern-bruising"), team="swbh-health-visiting").status_code == 200
        yield broker


def home(town):
    return town.rows(Membership)[0].household_id


@pytest.mark.parametrize(("who", "team"), [("ruth", VISITORS), ("jo", PRACTICE)])
def test_everybody_and_everything_that_the_calls_say_to_the_team_stands_there_and_nothing_else(town, who, team):
    page = visitor(town, who).get(f"/app/households/{home(town)}")
    shown = town.call("GET", f"/households/{home(town)}", team).json()
    told = town.call("GET", f"/households/{home(town)}/chronology", team).json()
    tables = {table.findtext("caption"): table.xpath("tbody/tr") for table in page.xpath("//table")}
    assert len(tables["The same as a table"]) == len(shown["members"]) > 0
    assert len(tables["Everything that was told, latest first"]) == len(told["lines"]) > 0
    assert len(tables.get("Gaps, and what did not come in time", [])) == len(told["gaps"])
    members = len(page.xpath("(//svg)[1]//rect[contains(@class, 'baton-card')]"))
    assert members >= len(shown["members"])
    assert {one.text_content() for one in page.xpath("//ol[contains(@class, 'baton-legend')]/li")} == {
        one["name"] for one in shown["teams"]
    }


@pytest.mark.parametrize("who", ["police", "probation"])
def test_a_household_that_a_team_may_not_know_of_is_not_there_and_that_it_was_asked_for_is_in_the_audit(town, who):
    before = town.ids(Audit)
    answer = visitor(town, who).http.get(f"/app/households/{home(town)}")
    assert answer.status_code == 404
    assert "Page not found" in text(html.fromstring(answer.text))
    left = [row for row in town.rows(Audit, client_name=f"person:{who}") if row.id not in before]
    assert ("deny", "household", home(town)) in {(row.action, row.entity, row.entity_id) for row in left}
    assert "read" not in {row.action for row in left}


def test_an_auditor_has_pages_of_their_own(town):
    assert visitor(town, "nadia").http.get(f"/app/households/{home(town)}").status_code == 403


def test_what_was_shown_is_in_the_audit(town):
    visitor(town, "ruth").get(f"/app/households/{home(town)}")
    [*_, row] = town.rows(Audit, client_name="person:ruth", entity="household", entity_id=home(town))
    told = town.call("GET", f"/households/{home(town)}/chronology", VISITORS).json()
    assert len(row.detail["chronology"]) == len(told["lines"])


def test_a_name_is_text_in_pictures_and_tables_and_a_picture_runs_nothing(town):
    answer = visitor(town, "ruth").http.get(f"/app/households/{home(town)}")
    assert "<script>alert" not in answer.text
    assert "👶" in answer.text
    assert not re.search(r"<svg[^>]*(\son\w+=|style=)|<foreignObject|<a [^>]*xlink", answer.text)
    for picture in html.fromstring(answer.text).xpath("//svg"):
        assert picture.get("role") == "img"
        assert "below" in picture.get("aria-label")


# --- a long chronology, a part of it at a time


def test_a_part_tells_gaps_and_who_was_last_seen_as_the_whole_does(town, monkeypatch):
    """Of the latest event alone: what was before is on its own page, and no time counts as without contact that was not."""
    address, ruth = f"/app/households/{home(town)}", visitor(town, "ruth")
    whole = ruth.get(address)
    assert whole.xpath("//a[@rel='next']") == []
    monkeypatch.setattr(households, "A_PAGE", 1)
    happened: list[str] = []
    pages = 0
    while address:
        page = ruth.get(address)
        for caption in ("The same as a table", "Gaps, and what did not come in time"):
            assert table(page, caption) == table(whole, caption)
        happened += table(page, "Everything that was told, latest first") or []
        assert bool(page.xpath("//svg[contains(@aria-label,'What happened')]")) is (pages == 0)
        address = next(iter(page.xpath("//a[@rel='next']/@href")), "")
        pages += 1
    assert pages > 1
    assert happened == table(whole, "Everything that was told, latest first")
    assert ruth.http.get(f"/app/households/{home(town)}?skip=-1").status_code == 404


def table(page, caption):
    found = page.xpath("//table[caption[.=$said]]/tbody", said=caption)
    return [" ".join(row.text_content().split()) for row in found[0]] if found else None
