"""Changing the policy takes two people and shows its effect on the last month first; every process decides by what was approved."""

import re
from datetime import timedelta

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import text as sql
from sqlalchemy.exc import IntegrityError

from broker.policy.model import DEFAULT
from broker.runtime import Runtime
from broker.storage.tables import Audit, Delivery, PolicyVersion
from tests.contract.calling import ADMIN_SCOPES, VISITORS, issues, message, opened, sender, sent_at, town_copy
from tests.contract.visiting import employ, text, visitor

TEXT = DEFAULT.read_text(encoding="utf-8")
QUIET = TEXT.replace('version: "', 'version: "north-', 1)


def without_births(name="north-1"):
    """A policy by which a birth is told to midwives alone."""
    head, rest = TEXT.split("\n  birth:\n    about: child", 1)
    said, after = rest.split("\n    tell:\n", 1)
    lines = re.split(r"\n(?=    ?\S)(?!      )", after, maxsplit=1)[0]
    kept = "      midwifery: {to: [midwifery], of: [own, household], view: full, purpose: information, cites: [NG194]}"
    changed = f"{head}\n  birth:\n    about: child{said}\n    tell:\n{kept}{after[len(lines) :]}"
    return re.sub(r'^version: ".*"', f'version: "{name}"', changed, count=1, flags=re.MULTILINE)


@pytest.fixture
def town(request, tmp_path):
    with town_copy(request, tmp_path) as url, opened(url, demo=True) as broker:
        yield broker


def asked(broker, method, path, who="-", **more):
    """A call of an administrator's system; each `who` is another one."""
    scopes = (*ADMIN_SCOPES, f"x-{who}") if who != "-" else ADMIN_SCOPES
    return broker.call(method, path, None, scopes=scopes, **more)


def proposed(broker, policy, who="-", reason="Fewer tasks"):
    return asked(broker, "POST", "/admin/policy/proposals", who, json={"policy": policy, "reason": reason})


def birth(broker):
    bundle = message("birth")
    broker.clock.time = sent_at(bundle) + timedelta(minutes=1)
    answer = broker.post(bundle, sender(bundle))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_proposal_shows_what_it_would_have_done_and_changes_nothing(town):
    birth(town)
    answer = proposed(town, without_births())
    assert answer.status_code == 201, answer.text
    effect = answer.json()["effect"]
    assert effect["messages"] == effect["changed"] == 1
    assert effect["everyMessage"] is True
    assert {"how": "no-longer-told", "team": VISITORS, "messages": 1} in effect["teams"]
    acknowledge = next(one for one in effect["tasks"] if one["code"] == "acknowledge")
    assert acknowledge["before"] > acknowledge["after"]
    assert (
        town.runtime.store.read(town.runtime.context).policy.version
        == asked(town, "GET", "/admin/policy").json()["inForce"]
    )
    assert "north" not in asked(town, "GET", "/admin/policy").json()["inForce"]
    [row] = town.rows(Audit, entity="policy", action="administer")
    assert row.detail["move"] == "propose"


def test_a_time_that_no_calendar_counts_is_no_part_of_a_policy(town):
    settle = "\n  settle: 5 working days"
    assert settle in TEXT
    for span in ("999999999 working days", "P999999999999W"):
        wrong = QUIET.replace(settle, f"\n  settle: {span}")
        answer = proposed(town, wrong)
        assert answer.status_code == 422, answer.text
        assert "own-asks.settle" in answer.text


def test_a_system_that_is_called_like_an_account_is_not_shown_as_that_person(town):
    employ(town, "ada", scopes=("baton/admin",), name="Ada Byron")
    token = town._grant("ada", None, ADMIN_SCOPES)
    body = {"policy": QUIET, "reason": "Fewer tasks"}
    answer = town.http.post("/admin/policy/proposals", json=body, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 201, answer.text
    said = text(visitor(town, "ada").get("/app/admin/policy/versions"))
    assert "by ada," in said
    assert "Byron" not in said


def test_messages_of_more_than_a_month_ago_do_not_count(town):
    birth(town)
    town.clock.time += timedelta(days=31)
    assert proposed(town, without_births()).json()["effect"]["messages"] == 0


def test_somebody_else_must_approve_it_and_every_process_has_it_from_its_next_step_on(town):
    birth(town)
    id_ = proposed(town, without_births()).json()["id"]
    path = f"/admin/policy/proposals/{id_}/$approve"
    other = Runtime(town.runtime.settings, town.runtime.store, town.runtime.policy, town.runtime.bus, town.clock)
    before = other.store.read(other.context).policy.version
    assert asked(town, "POST", path).status_code == 403
    assert other.store.read(other.context).policy.version == before
    answer = asked(town, "POST", path, "second")
    assert (answer.status_code, answer.json()["state"]) == (200, "active")
    assert other.store.read(other.context).policy.version == "north-1"
    told = {row.team_id for row in town.rows(Delivery)}
    again = message("birth")
    again["entry"][0]["resource"]["id"] = "another-birth"
    assert town.post(again, sender(again)).status_code == 200
    later = [row for row in town.rows(Delivery) if row.policy_version == "north-1"]
    assert VISITORS in told
    assert VISITORS not in {row.team_id for row in later if row.state != "withheld"}
    moves = [
        row.detail["move"]
        for row in sorted(town.rows(Audit, entity="policy"), key=lambda row: row.at)
        if row.action == "administer"
    ]
    assert moves == ["propose", "approve"]
    assert asked(town, "POST", path, "third").status_code == 409  # decided already


def test_what_was_simulated_against_another_policy_must_be_proposed_again(town):
    first = proposed(town, without_births("north-1")).json()["id"]
    second = proposed(town, without_births("north-2")).json()["id"]
    assert asked(town, "POST", f"/admin/policy/proposals/{first}/$approve", "second").status_code == 200
    assert asked(town, "POST", f"/admin/policy/proposals/{second}/$approve", "second").status_code == 409
    third = proposed(town, without_births("north-3")).json()["id"]
    assert asked(town, "POST", f"/admin/policy/proposals/{third}/$approve", "second").status_code == 200
    states = {one["version"]: one["state"] for one in asked(town, "GET", "/admin/policy").json()["versions"]}
    assert states == {"north-1": "superseded", "north-2": "proposed", "north-3": "active"}


@pytest.mark.parametrize(
    ("policy", "reason", "where"),
    [
        (TEXT, "x", "version"),  # in force already
        (without_births(), " ", "reason"),
        (without_births().replace("child-facing:", "child-face:", 1), "x", ""),
        ("version: [", "x", ""),
    ],
)
def test_a_proposal_that_cannot_be_used_is_refused_with_its_place(town, policy, reason, where):
    answer = proposed(town, policy, reason=reason)
    assert answer.status_code == 422
    assert not where or where in str(issues(answer)[0].get("expression"))
    assert town.rows(PolicyVersion) == []


def test_it_can_be_turned_down_with_a_reason_that_stays(town):
    id_ = proposed(town, without_births()).json()["id"]
    path = f"/admin/policy/proposals/{id_}/$reject"
    assert asked(town, "POST", path, "second", json={"reason": ""}).status_code == 422
    answer = asked(town, "POST", path, "second", json={"reason": "Visitors need it"})
    assert (answer.json()["state"], answer.json()["decision"]) == ("rejected", "Visitors need it")
    assert proposed(town, without_births()).status_code == 422  # its version was used


def test_whom_one_has_just_registered_is_no_second_person(town):
    """Else one administrator is two: by a client, or an account, that they have made for themselves."""
    id_ = proposed(town, without_births()).json()["id"]
    path = f"/admin/policy/proposals/{id_}/$approve"
    second = town.name(None, (*ADMIN_SCOPES, "x-second"))
    made = asked(town, "PUT", f"/admin/clients/{second}", json={"scopes": list(ADMIN_SCOPES), "jwks": public_keys()})
    assert made.status_code == 200, made.text
    assert asked(town, "POST", path, "second").status_code == 403
    assert town.rows(PolicyVersion)[0].state == "proposed"
    town.clock.forward(days=7, seconds=1)
    assert asked(town, "POST", path, "second").status_code == 200


def public_keys():
    return {"keys": [ECKey.generate_key("P-384", {"kid": "k"}).as_dict(private=False)]}


def test_the_database_refuses_that_one_person_does_both(town):
    proposed(town, without_births())
    change = "UPDATE policyversion SET state = 'active', decided_by = proposed_by"
    with pytest.raises(IntegrityError):
        town.runtime.store.write(lambda session: session.execute(sql(change)))


def test_a_file_rules_where_there_is_one(request, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(QUIET)
    with town_copy(request, tmp_path) as url, opened(url) as broker:
        broker.runtime.settings = broker.runtime.settings.model_copy(update={"policy": file})
        id_ = proposed(broker, without_births()).json()["id"]
        answer = asked(broker, "POST", f"/admin/policy/proposals/{id_}/$approve", "second")
        assert answer.status_code == 409
        assert "BATON_POLICY" in answer.text


def test_the_pages_show_it_and_let_another_decide(town):
    employ(town, "chris", scopes=("baton/admin",))
    employ(town, "dana", scopes=("baton/admin",))
    birth(town)
    chris, dana = visitor(town, "chris"), visitor(town, "dana")
    form = chris.get("/app/admin/policy/versions").xpath("//form[contains(@action,'versions')]")[0]
    csrf = form.fields["csrf"]
    faulty = chris.http.post("/app/admin/policy/versions", data={"csrf": csrf, "policy": "x", "reason": ""})
    assert faulty.status_code == 422
    bare = {"csrf": csrf, "policy": without_births(), "reason": ""}
    assert "Say why it is to change" in chris.http.post("/app/admin/policy/versions", data=bare).text
    answer = chris.http.post(
        "/app/admin/policy/versions", data={"csrf": csrf, "policy": without_births(), "reason": "<b>Fewer</b>"}
    )
    assert answer.status_code == 303, answer.text[:500]
    address = answer.headers["location"].split("?")[0]
    said = text(chris.get(address))
    assert "Somebody else must approve what you proposed." in said
    assert "1 message of the last month; 1 would have been told otherwise." in said
    assert "<b>Fewer</b>" in said
    assert "Proposed by Chris" in said
    unsaid = chris.send(chris.get(address), f"{address}/reject", reason=" ")
    assert unsaid.status_code == 422
    assert "Say why it is turned down" in unsaid.text
    assert "-version:" in said
    shown = dana.get(address)
    [approve] = shown.xpath("//form[contains(@action,'approve')]")
    assert dana.http.post(f"{address}/approve", data={"csrf": "x"}).status_code == 403
    assert dana.http.post(f"{address}/approve", data=dict(approve.fields)).status_code == 303
    assert "In force, by Dana" in text(dana.get(address))
    assert "north-1" in text(dana.get("/app/admin/policy"))
