"""The CapabilityStatement is true: all it claims is there, all that is there it claims, and what it links to can be read."""

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
from fhir.resources.R4B import get_fhir_model_class

from broker.storage.tables import PatternFlag
from broker.workflow import clock
from schemas import bundle
from schemas.codes import CANONICAL, Event
from schemas.examples.cast import NOAH
from schemas.examples.telling import tell
from schemas.structure import check_resource
from tests.conftest import NOON
from tests.contract.calling import FHIR, MIDWIVES, VISITORS, Broker, Json, message

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
VALUES = {"reference": "swbh-midwifery", "date": "ge2020-01-01", "token": None}
NOBODY = "00000000-0000-4000-8000-00000000ffff"
TOKENS = {
    "status": "requested,received",
    "Flag.status": "active",
    "code": "acknowledge",
    "action": "R,C",
    "subtype": "read",
    "outcome": "0",
    "identifier": "https://fhir.nhs.uk/Id/nhs-number|9990000018",
}
ALWAYS = {"Flag": {"patient": NOBODY}}
"""What a search asks for in any case: flags are asked about one person."""


@pytest.fixture(scope="module")
def statement(shared_broker: Broker) -> Json:
    assert shared_broker.post(message()).status_code == 200
    answer = shared_broker.http.get("/fhir/metadata")
    assert answer.status_code == 200
    stated: Json = answer.json()
    return stated


@pytest.fixture(scope="module")
def task(shared_broker: Broker, statement: Json) -> str:
    found = shared_broker.call("GET", "/fhir/Task?code=acknowledge", VISITORS).json()["entry"]
    return str(found[0]["resource"]["id"])


@pytest.fixture(scope="module")
def flag(shared_broker: Broker, statement: Json) -> str:
    """Of a bruise that the health visitors of a baby report."""
    now = NOON - timedelta(hours=1)
    baby = replace(NOAH, birth_date=date(2026, 1, 5))
    for sent in (
        tell("capability-taken-on", Event.INVOLVEMENT_START, VISITORS, now, subjects=[baby]),
        tell("capability-bruise", Event.CONCERN, VISITORS, now, kind="bruising", subjects=[baby]),
    ):
        body = bundle.write(sent, source="https://sender.example/fhir", timestamp=NOON)
        assert shared_broker.post(body, VISITORS).status_code == 200
    running = shared_broker.runtime
    running.store.write(lambda session: clock.tick(session, running.context(session), running.now()))
    [row] = shared_broker.rows(PatternFlag, team_id=VISITORS)
    return str(row.id)


def resources(statement: Json) -> dict[str, Json]:
    return {resource["type"]: resource for resource in statement["rest"][0]["resource"]}


def served(address: str) -> str:
    """Where a definition of ours is served."""
    return address.replace(CANONICAL, "/fhir")


def test_it_is_a_sound_resource(statement):
    assert check_resource(statement) == []
    get_fhir_model_class("CapabilityStatement").model_validate(statement)
    assert (statement["kind"], statement["fhirVersion"], statement["format"]) == (
        "instance",
        "4.0.1",
        ["application/fhir+json"],
    )


def test_every_definition_that_it_or_another_definition_links_to_can_be_read_and_is_sound(shared_broker, statement):
    waiting, read = [statement], {}
    while waiting:
        for address in links(waiting.pop()):
            if address in read:
                continue
            answer = shared_broker.http.get(served(address))
            assert answer.status_code == 200, address
            read[address] = definition = answer.json()
            assert definition["url"] == address
            assert check_resource(definition) == []
            get_fhir_model_class(definition["resourceType"]).model_validate(definition)
            waiting.append(definition)
    kinds = {address.removeprefix(f"{CANONICAL}/").partition("/")[0] for address in read}
    assert kinds == set(resources(statement)) - {"Task", "Patient", "Flag", "AuditEvent"}


KINDS = (
    "CapabilityStatement",
    "CodeSystem",
    "MessageDefinition",
    "OperationDefinition",
    "SearchParameter",
    "StructureDefinition",
    "ValueSet",
)


def links(value: object) -> list[str]:
    """Every address of a definition of ours inside a resource; the uri of a property or an identifier is none."""
    if isinstance(value, dict):
        return [link for inner in value.values() for link in links(inner)]
    if isinstance(value, list):
        return [link for inner in value for link in links(inner)]
    ours = isinstance(value, str) and value.startswith(CANONICAL) and "#" not in value
    return [str(value)] if ours and str(value).split("/")[3] in KINDS else []


def test_what_it_instantiates_says_the_same_of_every_installation(shared_broker, statement):
    [address] = statement["instantiates"]
    broker = shared_broker.http.get(served(address)).json()
    assert (broker["kind"], "implementation" in broker) == ("requirements", False)
    assert broker["rest"][0]["resource"] == statement["rest"][0]["resource"]
    assert broker["messaging"][0]["supportedMessage"] == statement["messaging"][0]["supportedMessage"]


def test_every_event_is_a_message_it_receives(statement):
    [messaging] = statement["messaging"]
    listed = {each["definition"].rsplit("/", 1)[1] for each in messaging["supportedMessage"]}
    assert listed == {event.value for event in Event}
    assert messaging["endpoint"][0]["address"] == "http://testserver/fhir/$process-message"


def test_every_interaction_that_it_claims_is_there_and_no_other(shared_broker, statement, task, flag):
    event = shared_broker.call("GET", "/fhir/AuditEvent", VISITORS).json()["entry"][0]["resource"]["id"]
    addresses = {"Task": task, "Patient": NOBODY, "AuditEvent": event, "Flag": flag}
    for kind, resource in resources(statement).items():
        claimed = {interaction["code"] for interaction in resource["interaction"]}
        identity = (
            addresses.get(kind)
            or {"CapabilityStatement": "broker"}.get(kind)
            or first_of(shared_broker, statement, kind)
        )
        there = {code for code in INTERACTIONS if offered(shared_broker, code, kind, identity)}
        assert there == claimed, kind


INTERACTIONS = ("read", "vread", "update", "delete", "history-instance", "create", "search-type", "patch")


def first_of(broker: Broker, statement: Json, kind: str) -> str:
    broker_statement = broker.http.get(served(statement["instantiates"][0])).json()
    found = [link for link in links([statement, broker_statement]) if f"/{kind}/" in link]
    return (
        found[0].rsplit("/", 1)[1]
        if found
        else {"CodeSystem": "message-event", "ValueSet": "function"}.get(kind, "occurred")
    )


def offered(broker: Broker, code: str, kind: str, identity: str) -> bool:
    """Whether a call of this interaction is understood, whatever becomes of it."""
    method, path, more = {
        "read": ("GET", f"/fhir/{kind}/{identity}", {}),
        "vread": ("GET", f"/fhir/{kind}/{identity}/_history/1", {}),
        "update": ("PUT", f"/fhir/{kind}/{identity}", {"json": {}, "headers": FHIR}),
        "patch": ("PATCH", f"/fhir/{kind}/{identity}", {"json": []}),
        "delete": ("DELETE", f"/fhir/{kind}/{identity}", {}),
        "history-instance": ("GET", f"/fhir/{kind}/{identity}/_history", {}),
        "create": ("POST", f"/fhir/{kind}", {"json": {}, "headers": FHIR}),
        "search-type": ("POST", f"/fhir/{kind}/_search", {"headers": FORM}),
    }[code]
    answer = broker.call(method, path, VISITORS, **more)
    assert answer.status_code < 500
    return answer.status_code not in (404, 405)


def test_every_search_parameter_that_it_claims_is_read(shared_broker, statement):
    for kind, resource in resources(statement).items():
        for parameter in resource.get("searchParam", []):
            value = (
                TOKENS.get(f"{kind}.{parameter['name']}") or TOKENS.get(parameter["name"]) or VALUES[parameter["type"]]
            )
            form = ALWAYS.get(kind, {}) | {parameter["name"]: value}
            answer = shared_broker.call("POST", f"/fhir/{kind}/_search", VISITORS, data=form)
            assert answer.status_code == 200, parameter["name"]
            assert check_resource(answer.json()) == []
            other = shared_broker.call("POST", f"/fhir/{kind}/_search", VISITORS, data=form | {"x-unknown": "1"})
            assert other.status_code == 400


def test_every_search_parameter_narrows_what_is_found(shared_broker, statement):
    """A parameter that is taken and not looked at would show more than was asked for."""
    total = counted(shared_broker)
    assert total
    nothing = {"reference": "nobody", "date": "lt2001-01-01", "token": None}
    never = {"status": "entered-in-error", "code": "pattern-review"}
    for parameter in resources(statement)["Task"]["searchParam"]:
        value = never.get(parameter["name"]) or nothing[parameter["type"]]
        assert counted(shared_broker, **{parameter["name"]: str(value)}) == 0, parameter["name"]


def counted(broker: Broker, **query: str) -> int:
    return int(broker.call("GET", "/fhir/Task", VISITORS, params=query | {"_summary": "count"}).json()["total"])


def test_every_operation_that_it_claims_can_be_called_with_the_parameters_it_publishes(shared_broker, statement, task):
    operations = resources(statement)["Task"]["operation"]
    assert {operation["name"] for operation in operations} >= {"open", "accept", "decline", "ask", "complete"}
    for operation in operations:
        definition = shared_broker.http.get(served(operation["definition"])).json()
        assert definition["code"] == operation["name"]
        given = [{"name": part["name"]} | sample(part) for part in definition["parameter"] if part["use"] == "in"]
        body = json.dumps({"resourceType": "Parameters", "parameter": given})
        answer = shared_broker.call(
            "POST", f"/fhir/Task/{task}/${operation['name']}", VISITORS, content=body, headers=FHIR
        )
        assert answer.status_code in (200, 409, 422), answer.text


CODES = {"outcome": "not-referred-because", "release-to": "health-visiting", "role": "health-visitor", "choice": "yes"}


def sample(part: Json) -> Json:
    """A value of the published type."""
    if "part" in part:
        return {"part": [{"name": inner["name"]} | sample(inner) for inner in part["part"]]}
    return {
        "string": {"valueString": "a text"},
        "code": {"valueCode": CODES.get(part["name"], "30002")},
        "dateTime": {"valueDateTime": "2026-03-09"},
        "Reference": {"valueReference": {"display": "Nora Nurse"}},
    }[part["type"]]


def test_the_operation_on_the_system_is_the_way_in(shared_broker, statement):
    [operation] = statement["rest"][0]["operation"]
    definition = shared_broker.http.get(served(operation["definition"])).json()
    assert (definition["system"], definition["instance"], definition["code"]) == (True, False, operation["name"])
    answer = shared_broker.call("POST", f"/fhir/${operation['name']}", MIDWIVES, content=b"{}", headers=FHIR)
    assert answer.status_code == 400


def test_every_route_under_fhir_is_in_it(shared_broker, statement):
    stated = {"/fhir/metadata", "/fhir/.well-known/smart-configuration"}
    stated |= {f"/fhir/${operation['name']}" for operation in statement["rest"][0]["operation"]}
    for kind, resource in resources(statement).items():
        codes = {interaction["code"] for interaction in resource["interaction"]}
        if {"read", "update"} & codes:
            stated.add(f"/fhir/{kind}/{{id}}")
        if "search-type" in codes:
            stated |= {f"/fhir/{kind}", f"/fhir/{kind}/_search"}
        stated |= {f"/fhir/{kind}/{{id}}/${operation['name']}" for operation in resource.get("operation", [])}
    routes = {path for path in shared_broker.app.openapi()["paths"] if path.startswith("/fhir")}
    named = {
        path.replace("{task_id}", "{id}").replace("{event_id}", "{id}").replace("{flag_id}", "{id}") for path in routes
    } - {"/fhir/{kind}/{name}"}
    assert named <= stated
    assert "/fhir/{kind}/{name}" in routes


def test_what_it_does_not_claim_is_not_there(shared_broker):
    for kind in ("Organization", "Observation", "Bundle", "Communication"):
        for path in (f"/fhir/{kind}", f"/fhir/{kind}/1"):
            assert shared_broker.call("GET", path, VISITORS).status_code == 404
