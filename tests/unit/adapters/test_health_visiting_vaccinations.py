"""NEMS Vaccinations: given, not given and why, and taken back."""

from datetime import UTC, datetime

import pytest

from adapters.port import Ignored, Notifications, Quarantine
from schemas.codes import Event
from schemas.events import check
from schemas.message import Coding

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
CONTACT = "nems-stu3/Professional-Contacts-1-new.xml"

IMMUNIZATION = b"""<Immunization><id value="5812bce1-58c4-43c0-bd17-30d5a567d87e"/>
<extension url="https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-VaccinationProcedure-1">
<valueCodeableConcept><coding><system value="http://snomed.info/sct"/><code value="170433008"/>
<display value="Measles mumps and rubella vaccination - second dose"/></coding></valueCodeableConcept></extension>
<identifier><system value="https://supplier.example/identifiers"/><value value="abc1111"/></identifier>
<status value="completed"/><notGiven value="false"/>
<vaccineCode><text value="MMR"/></vaccineCode>
<patient><reference value="urn:uuid:6e82624a-9b0a-11e8-9eb6-529269fb1459"/></patient>
<date value="2018-11-29T14:10:00+00:00"/><primarySource value="true"/></Immunization>"""
NOT_GIVEN = b'<notGiven value="true"/>'
WHY = b"""<explanation><reasonNotGiven><coding><system value="http://snomed.info/sct"/><code value="310376006"/></coding>
</reasonNotGiven></explanation></Immunization>"""


@pytest.fixture
def read(sample, translate):
    """An event about the child of the public sample, with an Immunization in focus and some of its bytes replaced."""
    body = sample(CONTACT).replace(b"professional-contacts-1", b"vaccinations-1")
    start, end = body.index(b"<EpisodeOfCare>"), body.index(b"</EpisodeOfCare>") + len(b"</EpisodeOfCare>")
    event = body[:start] + IMMUNIZATION + body[end:]

    def read(*pairs):
        changed = event
        for old, new in pairs:
            assert old in changed, old
            changed = changed.replace(old, new)
        return translate("health-visiting", changed)

    return read


def _only(found):
    assert isinstance(found, Notifications), found
    (message,) = found.messages
    return message


def _facts(message):
    return {fact.code: getattr(fact.value, "code", fact.value) for fact in message.facts}


def test_a_vaccine_that_was_given(read):
    message = _only(read())
    assert (message.event, message.occurred) == (Event.IMMUNISATION, datetime(2018, 11, 29, 14, 10, tzinfo=UTC))
    assert [fact.value for fact in message.facts] == [
        Coding(
            system="http://snomed.info/sct",
            code="170433008",
            display="Measles mumps and rubella vaccination - second dose",
        )
    ]
    assert check(message, NOW) == []


def test_a_vaccine_that_was_declined(read):
    found = read((b'<notGiven value="false"/>', NOT_GIVEN), (b"</Immunization>", WHY))
    assert _facts(_only(found))["not-given-reason"] == "declined"
    assert not [warning for warning in found.warnings if "reasonNotGiven" in warning.path]


def test_a_reason_nobody_described_is_another(read):
    found = read((b'<notGiven value="false"/>', NOT_GIVEN), (b"</Immunization>", WHY), (b"310376006", b"281657000"))
    assert _facts(_only(found))["not-given-reason"] == "other"


def test_not_given_without_a_reason_is_told_and_questioned(read):
    found = read((b'<notGiven value="false"/>', NOT_GIVEN))
    assert _facts(_only(found))["not-given-reason"] == "other"
    assert "Bundle.entry[3].resource.explanation.reasonNotGiven" in {warning.path for warning in found.warnings}


def test_a_vaccine_in_words_is_told_in_words(read):
    found = read((b'<code value="170433008"/>', b""))
    assert _facts(_only(found))["immunisation"] == "MMR"


def test_a_vaccine_that_nothing_names_is_quarantined(read):
    found = read(
        (b'<code value="170433008"/>', b""), (b'<text value="MMR"/>', b'<coding><display value="x"/></coding>')
    )
    assert isinstance(found, Quarantine)


def test_a_month_is_no_day(read):
    found = read((b"2018-11-29T14:10:00+00:00", b"2018-11"))
    assert _only(found).occurred == datetime(2017, 11, 1, 15, 0, 33, tzinfo=UTC)
    assert "Bundle.entry[3].resource.date" in {warning.path for warning in found.warnings}


@pytest.mark.parametrize(
    "pair",
    [
        (b'<code value="new"/>', b'<code value="delete"/>'),
        (b'<status value="completed"/>', b'<status value="entered-in-error"/>'),
    ],
)
def test_a_vaccination_recorded_in_error_is_taken_back(pair, read):
    update = read(pair, *(() if b"new" in pair[0] else ((b'<code value="new"/>', b'<code value="update"/>'),)))
    assert (_only(update).event, _only(update).reference) == (Event.WITHDRAW, _only(read()).reference)


def test_an_error_that_was_never_told_is_ignored(read):
    assert isinstance(read((b'<status value="completed"/>', b'<status value="entered-in-error"/>')), Ignored)


def test_a_vaccination_and_an_episode_of_one_identifier_are_two(read, sample, translate):
    episode = sample(CONTACT).replace(b"https://supplierABC/identifiers", b"https://supplier.example/identifiers")
    assert _only(read()).id != _only(translate("health-visiting", episode)).id
