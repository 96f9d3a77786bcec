"""The golden examples say what the messages they are made from say, and are valid by two judges and our own rules."""

from datetime import UTC, datetime

import pytest
from fhir.resources.R4B.bundle import Bundle

from schemas import examples
from schemas.bundle import read
from schemas.codes import Event
from schemas.events import check
from schemas.examples.rendering import rendered
from schemas.examples.story import MESSAGES
from schemas.identifiers import NHS_NUMBER, nhs_number_state
from schemas.structure import check_bundle

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

INCOMPLETE = {
    "birth-without-mother": ["is expected: the mother of each child"],
    "mental-health-discharge-incomplete": ["is expected"] * 3,
}
"""Examples of what is routed with a warning, and the warnings."""


def test_there_is_an_example_of_every_event():
    assert {event.value for event in Event} <= set(examples.names())


def test_files_are_those_of_the_messages():
    """When this fails: `python -m schemas.examples`, and read the difference."""
    assert set(examples.names()) == set(MESSAGES)
    assert [name for name in MESSAGES if examples.raw(name) != rendered(MESSAGES[name])] == []


@pytest.mark.parametrize("name", examples.names())
def test_example_is_valid_r4(name):
    bundle = examples.load(name)
    assert check_bundle(bundle) == []
    Bundle.model_validate(bundle)


@pytest.mark.parametrize("name", examples.names())
def test_example_is_read_as_the_message_it_says_and_has_no_fault(name):
    message, problems = read(examples.load(name))
    assert problems == []
    assert message == MESSAGES[name]
    assert [problem.reason for problem in check(message, NOW)] == INCOMPLETE.get(name, [])


def test_nobody_in_the_examples_has_an_issued_number():
    numbers = {
        identifier.value
        for message in MESSAGES.values()
        for person in message.people
        for identifier in person.identifiers
        if identifier.system == NHS_NUMBER
    }
    assert numbers
    assert {nhs_number_state(number) for number in numbers} == {"valid"}
    assert {number[:3] for number in numbers} == {"999"}


def test_ids_are_different():
    assert len({message.id for message in MESSAGES.values()}) == len(MESSAGES)


def test_an_unknown_example_is_not_found():
    with pytest.raises(FileNotFoundError):
        examples.load("no-such-example")
