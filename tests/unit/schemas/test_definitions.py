"""What is published is valid R4, complete, and says what the checks do."""

import re
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

import schemas
from broker.domain.tasks import BusinessStatus
from broker.web.api.chronology_shown import MISSED, NO_CONTACT
from broker.workflow import task_wire
from schemas.bundle import write
from schemas.codes import CANONICAL, Event
from schemas.definitions import all_definitions, definition
from schemas.events import FACTS, SPECS
from schemas.examples.story import MESSAGES
from schemas.structure import check_resource

ALL: tuple[dict[str, Any], ...] = all_definitions()


def the(resource_type: str, identity: str) -> dict[str, Any]:
    found = definition(resource_type, identity)
    assert found is not None
    return found


def codes_of(identity):
    return {concept["code"] for concept in the("CodeSystem", identity)["concept"]}


@pytest.mark.parametrize("each", ALL, ids=lambda each: f"{each['resourceType']}-{each['id']}")
def test_every_definition_is_valid_r4(each):
    assert check_resource(each) == []
    get_fhir_model_class(each["resourceType"]).model_validate(each)


def test_urls_name_where_they_are_served():
    for each in ALL:
        assert each["url"] == f"{CANONICAL}/{each['resourceType']}/{each['id']}"
        assert definition(each["resourceType"], each["id"]) is each


def test_what_is_not_defined_is_none():
    assert definition("MessageDefinition", "no-such-event") is None


def test_every_event_has_a_message_definition_that_names_its_required_facts():
    for event in Event:
        found = the("MessageDefinition", event.value)
        uses = [part["extension"] for part in found.get("extension", ()) if part["url"].endswith("/fact-use")]
        required = {use[0]["valueCoding"]["code"] for use in uses if use[1]["valueCode"] == "required"}
        assert required == set(SPECS[event].required)
        assert found["focus"][0]["code"] == SPECS[event].focus


def test_every_code_system_that_the_program_writes_is_published():
    written = re.compile(r"\{CANONICAL\}/CodeSystem/([a-z-]+)")
    root = Path(schemas.__file__).parents[1]
    sources = [path.read_text() for folder in ("broker", "schemas") for path in sorted((root / folder).rglob("*.py"))]
    named = {name for source in sources for name in written.findall(source)}
    assert {"chronology-gap", "task-detail", "message-event"} <= named
    assert {name for name in named if definition("CodeSystem", name) is None} == set()


def test_code_systems_list_every_code():
    assert codes_of("chronology-gap") == {NO_CONTACT, MISSED}
    said = Path(task_wire.__file__).read_text()
    assert set(re.findall(r'_detail\("([a-z-]+)"', said)) <= codes_of("task-detail")
    assert codes_of("fact") == set(FACTS)
    assert codes_of("message-event") == {event.value for event in Event}
    for fact in FACTS.values():
        if fact.binding is not None:
            assert codes_of(fact.binding.id) == set(fact.binding.codes)


def test_every_business_status_that_tasks_use_is_published():
    assert {status.value for status in BusinessStatus} <= codes_of("business-status")


def urls_in(value):
    """Every address of ours in a Bundle that names a definition."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in ("url", "system", "definition") and isinstance(inner, str):
                yield inner
            yield from urls_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from urls_in(inner)


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_every_address_of_ours_in_a_message_is_published(name):
    published = {each["url"] for each in ALL}
    kinds = ("StructureDefinition", "CodeSystem", "MessageDefinition")
    ours = [url for url in urls_in(write(MESSAGES[name], source="https://a.example")) if url.startswith(CANONICAL)]
    assert ours
    assert {url for url in ours if url.removeprefix(f"{CANONICAL}/").split("/")[0] in kinds} <= published
