"""What a message must and should say: one table for each family of rules, each rule seen to hold and to break."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from schemas.codes import Category, ContactKind, Event, RelationshipKind
from schemas.events import COMMON, FACTS, SPECS, FactType, category_of, check, coded
from schemas.examples.story import MESSAGES
from schemas.identifiers import CRN, NHS_NUMBER
from schemas.message import Coding, Fact, HouseholdMember, Identifier, Message, Person, PostalAddress, Relationship

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def said(message: Message, now: datetime = NOW) -> set[tuple[str, str]]:
    """(severity, code) of everything found."""
    return {(problem.severity, problem.code) for problem in check(message, now)}


def reasons(message: Message, severity: str | None = None) -> list[str]:
    return [p.reason for p in check(message, NOW) if severity in (None, p.severity)]


def paths(message: Message, code: str) -> list[str]:
    return [problem.path for problem in check(message, NOW) if problem.code == code]


def without(name: str, *codes: str) -> Message:
    message = MESSAGES[name]
    return replace(message, facts=tuple(fact for fact in message.facts if fact.code not in codes))


def with_fact(name: str, fact: Fact) -> Message:
    message = MESSAGES[name]
    return replace(message, facts=(*(f for f in message.facts if f.code != fact.code), fact))


def with_person(name: str, index: int, **changes: object) -> Message:
    message = MESSAGES[name]
    people = list(message.people)
    people[index] = replace(people[index], **changes)
    return replace(message, people=tuple(people))


def fact_path(code: str) -> str:
    return f"Bundle.entry.resource.ofType(Observation).where(code.coding.code='{code}')"


# --- the specifications themselves


def test_every_event_is_specified():
    assert set(SPECS) == set(Event)


@pytest.mark.parametrize("event", list(Event))
def test_every_fact_of_an_event_is_described(event: Event):
    spec = SPECS[event]
    assert set(spec.facts()) <= set(FACTS)
    assert set(COMMON) <= set(FACTS)
    if spec.kinds is not None:
        assert {*spec.expected_for, *spec.household_expected_for, *spec.ending_kinds} <= set(spec.kinds.values.codes)


@pytest.mark.parametrize("code", list(FACTS))
def test_a_fact_has_what_its_type_needs(code: str):
    fact = FACTS[code]
    assert (fact.binding is not None) == (fact.type is FactType.CODE)
    assert (fact.unit is not None) == (fact.type is FactType.QUANTITY)
    assert (fact.low is None) == (fact.high is None)


def test_every_fact_is_wanted_somewhere():
    """Facts that no event lists may still be said of any; a fact nobody ever wants would be a word without a use."""
    # Registrations end in `supervision-change`, which adapters say without the event asking for it.
    unlisted = {"registration-ended", "restricted-registration-ended"}
    listed = {code for spec in SPECS.values() for code in spec.facts()} | set(COMMON)
    assert set(FACTS) - listed <= unlisted


# --- what must be there

REQUIRED = [
    ("advice-to-attend", "advised-places"),
    ("information-request", "question"),
    ("referral-outcome", "referral-decision"),
    ("immunisation", "immunisation"),
]


@pytest.mark.parametrize(("name", "code"), REQUIRED)
def test_a_required_fact_that_is_missing_is_an_error_with_its_path(name: str, code: str):
    assert ("error", "required") in said(without(name, code))
    assert fact_path(code) in paths(without(name, code), "required")


EXPECTED = [
    ("pregnancy-booking", "expected-date"),
    ("birth", "birth-weight"),
    ("birth", "gestation"),
    ("maternity-discharge", "weight"),
    ("maternity-discharge", "feeding"),
    ("maternity-discharge", "concerns"),
    ("child-contact", "seen"),
    ("concern", "concern-detail"),
    ("concern-bruising", "independently-mobile"),
    ("concern-bruising", "injury-site"),
    ("concern-adult-mental-health", "risk-to-others-at-home"),
    ("concern-adult-mental-health", "staff-safety"),
    ("mental-health-admission", "risk-to-others-at-home"),
    ("mental-health-admission", "staff-safety"),
    ("mental-health-leave", "discharge-destination"),
    ("mental-health-discharge", "risk-to-others-at-home"),
    ("mental-health-discharge", "staff-safety"),
    ("mental-health-discharge", "discharge-destination"),
    ("supervision-start", "order"),
    ("supervision-start", "children-in-contact"),
    ("supervision-end", "supervision-end-reason"),
    ("custody-release", "children-in-contact"),
    ("protection-plan-start", "plan-category"),
    ("looked-after-start", "child-legal-status"),
    ("transfer", "care-summary"),
    ("identifier-change", "previous-case-number"),
]


@pytest.mark.parametrize(("name", "code"), EXPECTED)
def test_an_expected_fact_that_is_missing_is_a_warning_and_no_error(name: str, code: str):
    message = without(name, code)
    if code == "expected-date":  # which an unborn person says as well
        message = replace(message, people=message.people[:1], relationships=())
    assert reasons(message, "error") == []
    assert ("warning", "required") in said(message)


def test_each_twin_is_owed_a_weight():
    message = MESSAGES["birth-twins"]
    first = message.subjects[0]
    one_lacks = tuple(f for f in message.facts if not (f.code == "birth-weight" and f.about == first))
    assert "is expected: about each child; 1 of 2 have none" in reasons(replace(message, facts=one_lacks))


def test_a_fact_about_nobody_in_particular_is_about_the_only_child():
    facts = tuple(replace(fact, about=None) for fact in MESSAGES["birth"].facts)
    assert reasons(replace(MESSAGES["birth"], facts=facts)) == []


def test_an_unborn_person_says_when_it_is_expected():
    assert reasons(without("pregnancy-booking", "expected-date")) == []


@pytest.mark.parametrize(
    ("name", "changes", "severity"),
    [
        ("concern", {"kind": None}, "error"),
        ("child-contact", {"kind": None}, "error"),
        ("not-brought", {"kind": None}, "warning"),
        ("birth", {"subjects": ()}, "error"),
        ("information", {"reference": None, "to": ()}, "error"),
        ("withdraw", {"reference": None}, "error"),
        ("referral-outcome", {"reference": None}, "warning"),
        ("household-update", {"household": ()}, "error"),
        ("maternity-discharge", {"household": ()}, "warning"),
        ("child-contact", {"household": ()}, "warning"),
        ("birth", {"relationships": ()}, "warning"),
        ("private-fostering", {"relationships": ()}, "warning"),
        ("transfer", {"to": (), "kind": None}, "error"),
        ("information-request", {"to": (), "kind": None}, "error"),
        ("measurement", {"facts": ()}, "error"),
        ("enforcement", {"facts": ()}, "error"),
    ],
)
def test_what_else_must_be_there(name: str, changes: dict[str, object], severity: str):
    assert (severity, "required") in said(replace(MESSAGES[name], **changes))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("referral", {"to": ()}),  # the kind names the function, and the area its team
        ("withdraw", {"subjects": ()}),
        ("child-contact-antenatal", {"kind": ContactKind.CLINIC, "household": ()}),
    ],
)
def test_what_need_not_be_there(name: str, changes: dict[str, object]):
    assert reasons(replace(MESSAGES[name], **changes)) == []


@pytest.mark.parametrize(
    ("name", "element", "empty", "severity"),
    [
        ("change-of-address", "addresses", (), "error"),
        ("supervision-start", "addresses", (), "warning"),
        ("pregnancy-booking", "addresses", (), "warning"),
        ("gp-registration", "practice", None, "warning"),
        ("birth", "birth_date", None, "warning"),
        ("death", "deceased", None, "warning"),
    ],
)
def test_what_each_subject_must_have(name: str, element: str, empty: object, severity: str):
    assert (severity, "required") in said(with_person(name, 0, **{element: empty}))


def test_a_sealed_record_need_not_name_its_old_number():
    assert reasons(replace(without("identifier-change", "previous-case-number"), kind="sealed")) == []


def test_a_kind_that_is_not_listed_is_refused():
    assert ("error", "code-invalid") in said(replace(MESSAGES["concern"], kind="weather"))
    assert ("warning", "not-supported") in said(replace(MESSAGES["birth"], kind="twins"))


def test_the_end_of_a_pregnancy_says_no_more():
    """Principle 14: what is said besides is pointed out to the sender, and to nobody else."""
    message = with_fact("pregnancy-end", Fact(code="note", value="words"))
    assert ("warning", "suppressed") in said(message)


# --- whether parts fit

WRONG_SUBJECT = [("birth", {"birth_date": date(1990, 1, 1)}), ("supervision-start", {"birth_date": date(2015, 1, 1)})]


@pytest.mark.parametrize(("name", "changes"), WRONG_SUBJECT)
def test_a_subject_of_the_wrong_age_is_refused(name: str, changes: dict[str, object]):
    assert ("error", "business-rule") in said(with_person(name, 0, **changes))


def test_a_pregnant_fifteen_year_old_is_not_refused():
    assert reasons(with_person("pregnancy-booking", 0, birth_date=date(2002, 1, 1)), "error") == []


def test_one_subject_where_one_is_meant():
    message = MESSAGES["mental-health-admission"]
    assert ("error", "not-supported") in said(replace(message, subjects=tuple(p.key for p in message.people[:2])))


@pytest.mark.parametrize(
    "changes",
    [
        {"subjects": ("nobody",)},
        {"household": (HouseholdMember(person="nobody"),)},
        {"relationships": (Relationship(person="nobody", kind=RelationshipKind.MOTHER, to="else"),)},
        {"facts": (Fact(code="note", value="words", about="nobody"),)},
    ],
)
def test_keys_must_name_people(changes: dict[str, object]):
    assert ("error", "not-found") in said(replace(MESSAGES["birth"], **changes))


@pytest.mark.parametrize(("changes", "code"), [({"key": "not an id"}, "value"), ({"gender": "lady"}, "code-invalid")])
def test_what_r4_could_not_carry_is_refused(changes: dict[str, object], code: str):
    assert ("error", code) in said(with_person("birth", 1, **changes))
    assert ("error", "value") in said(replace(MESSAGES["birth"], id="not an id"))


def test_a_key_names_one_person():
    message = MESSAGES["birth"]
    assert ("error", "duplicate") in said(replace(message, people=(*message.people, message.people[0])))


def test_a_household_names_a_person_once():
    message = MESSAGES["household-update"]
    assert ("error", "duplicate") in said(replace(message, household=(*message.household, message.household[0])))


def test_relationships_that_cannot_be():
    message = MESSAGES["birth"]
    child, mother = message.people[0].key, message.people[1].key
    itself = Relationship(person=child, kind=RelationshipKind.SIBLING, to=child)
    turned = Relationship(person=child, kind=RelationshipKind.MOTHER, to=mother)
    assert ("error", "invariant") in said(replace(message, relationships=(itself,)))
    assert ("error", "invariant") in said(replace(message, relationships=(*message.relationships, turned)))


def test_a_mother_of_seven_is_questioned():
    assert ("warning", "value") in said(with_person("birth", 1, birth_date=date(2011, 1, 1)))


# --- facts

WRONG_VALUES = [
    (Fact(code="birth-weight", value="heavy", unit="g"), "value"),
    (Fact(code="birth-weight", value=Decimal(3150), unit="kg"), "value"),
    (Fact(code="birth-weight", value=True, unit="g"), "value"),
    (Fact(code="neonatal-unit", value="yes"), "value"),
    (Fact(code="feeding", value="breast"), "value"),
    (Fact(code="feeding", value=Coding(system="http://snomed.info/sct", code="169741004")), "code-invalid"),
    (
        Fact(code="feeding", value=Coding(system="https://fhir.baton.example/CodeSystem/feeding", code="tea")),
        "code-invalid",
    ),
    (Fact(code="note", value="  "), "value"),
    (Fact(code="number-of-fetuses", value=Decimal("1.5")), "value"),
    (Fact(code="dating-scan-date", value=datetime(2018, 1, 1, tzinfo=UTC)), "value"),
    (Fact(code="no-such-fact", value=True), "code-invalid"),
]


@pytest.mark.parametrize(("fact", "code"), WRONG_VALUES)
def test_a_value_that_does_not_fit_is_an_error(fact: Fact, code: str):
    assert ("error", code) in said(with_fact("birth", fact))


def test_an_unlikely_number_is_questioned():
    assert ("warning", "value") in said(with_fact("birth", Fact(code="birth-weight", value=Decimal("3.2"), unit="g")))


def test_that_there_is_a_risk_is_not_what_it_is():
    bare = with_fact("mental-health-discharge", Fact(code="risk-to-others-at-home", value=True))
    assert ("warning", "incomplete") in said(bare)


# --- dates


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"occurred": NOW + timedelta(days=2)}, ("error", "value")),
        ({"occurred": datetime(1899, 5, 1, tzinfo=UTC)}, ("error", "value")),
        ({"occurred": datetime(2018, 5, 1)}, ("error", "value")),  # noqa: DTZ001 - that it has no zone is what is wrong
        ({"sent": NOW + timedelta(days=3)}, ("warning", "value")),
    ],
)
def test_times_that_cannot_be(changes: dict[str, object], found: tuple[str, str]):
    assert found in said(replace(MESSAGES["measurement"], **changes))


def test_a_day_ahead_is_a_clock_that_differs():
    message = replace(MESSAGES["withdraw"], occurred=NOW + timedelta(hours=20))
    assert reasons(message) == []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"birth_date": date(2018, 2, 20)}, ("error", "value")),  # after the birth is reported
        ({"birth_date": date(2018, 2, 1)}, ("warning", "value")),  # a fortnight before it
        ({"birth_date": date(1890, 1, 1)}, ("error", "value")),
        ({"unborn": True}, ("error", "invariant")),
        ({"deceased": date(2017, 1, 1)}, ("error", "value")),
        ({"deceased": NOW + timedelta(days=4)}, ("error", "value")),
        (
            {"addresses": (PostalAddress(postcode="B17 0HG", since=date(2018, 2, 2), until=date(2018, 2, 1)),)},
            ("warning", "value"),
        ),
    ],
)
def test_dates_of_a_person_that_cannot_be(changes: dict[str, object], found: tuple[str, str]):
    assert found in said(with_person("birth", 0, **changes))


def test_a_message_may_name_a_child_born_after_the_event():
    """The event of an order is its start; the child of the household may have been born since."""
    message = MESSAGES["supervision-change"]
    born = Person(key="born-since", birth_date=date(2020, 1, 1))
    assert reasons(replace(message, people=(*message.people, born)), "error") == []


@pytest.mark.parametrize(
    ("weeks", "found"), [(44, None), (-9, None), (46, "warning"), (-11, "warning"), (110, "error"), (-110, "error")]
)
def test_an_expected_date_is_within_a_pregnancy(weeks: int, found: str | None):
    message = MESSAGES["pregnancy-booking"]
    day = message.occurred.date() + timedelta(weeks=weeks)
    message = with_fact("pregnancy-booking", Fact(code="expected-date", value=day))
    severities = {p.severity for p in check(message, NOW) if p.path == f"{fact_path('expected-date')}.value"}
    assert severities == (set() if found is None else {found})


# --- identifiers


@pytest.mark.parametrize(
    "identifier",
    [
        Identifier(system=NHS_NUMBER, value="9990000019"),
        Identifier(system=NHS_NUMBER, value="12345"),
        Identifier(system=CRN, value="12345"),
    ],
)
def test_a_doubtful_identifier_is_flagged_and_never_said(identifier: Identifier):
    message = with_person("measurement", 0, identifiers=(identifier,))
    found = check(message, NOW)
    assert [(problem.severity, problem.code) for problem in found] == [("warning", "value")]
    assert found[0].path == "Bundle.entry.resource.ofType(Patient)[0].identifier[0].value"
    assert identifier.value not in repr(found)


def test_two_people_with_one_number_are_pointed_out():
    twins = MESSAGES["birth-twins"]
    same = with_person("birth-twins", 1, identifiers=twins.people[0].identifiers)
    assert ("warning", "duplicate") in said(same)


def test_postcode_and_practice_are_looked_at():
    odd = (PostalAddress(lines=("somewhere",), postcode="nowhere"),)
    assert ("warning", "value") in said(with_person("measurement", 0, addresses=odd))
    assert ("warning", "value") in said(with_person("measurement", 0, practice="?"))


# --- categories


def about(message: Message, index: int, code: str, value: str = "words") -> Category:
    return category_of(message, Fact(code=code, value=value, about=message.people[index].key))


def test_a_note_about_a_child_is_care_and_about_an_adult_health():
    message = MESSAGES["concern-bruising"]
    assert about(message, 0, "note") is Category.CARE
    assert about(message, 1, "note") is Category.HEALTH


def test_the_care_of_a_pregnancy_is_no_adult_record():
    assert about(MESSAGES["pregnancy-booking"], 0, "note") is Category.CARE


def test_where_nobody_is_named_it_is_about_the_subject():
    note = Fact(code="note", value="words")
    assert category_of(MESSAGES["mental-health-discharge"], note) is Category.HEALTH
    assert category_of(MESSAGES["measurement"], note) is Category.CARE


def test_in_doubt_fewer_see_it():
    """A person whose age and family the message does not tell is treated as an adult, except in a child's event."""
    stranger = Person(key="stranger")
    message = replace(MESSAGES["concern"], people=(stranger,), subjects=("stranger",), relationships=())
    assert category_of(message, Fact(code="note", value="words", about="stranger")) is Category.HEALTH
    child_event = replace(MESSAGES["measurement"], people=(stranger,), subjects=("stranger",))
    assert category_of(child_event, Fact(code="note", value="words", about="stranger")) is Category.CARE


def test_a_fact_nobody_described_is_restricted():
    assert category_of(MESSAGES["birth"], Fact(code="no-such-fact", value=True)) is Category.RESTRICTED


# What each category must hold whatever else changes (docs/sharing.md, principles 4, 5, 7, F27).
FIXED = {
    "staff-safety": Category.STAFF_SAFETY,
    "risk-to-others-at-home": Category.RISK,
    "substance-misuse": Category.RISK,
    "domestic-abuse": Category.RISK,
    "concern-detail": Category.RISK,
    "diagnosis": Category.HEALTH,
    "legal-status": Category.HEALTH,
    "offence": Category.OFFENCE,
    "order": Category.OFFENCE,
    "requirement": Category.OFFENCE,
    "registration-type": Category.OFFENCE,
    "restricted-registration": Category.RESTRICTED,
    "recall": Category.RESTRICTED,
    "planned-arrest": Category.RESTRICTED,
    "weight": Category.CARE,
    "expected-date": Category.EVENT,
    "contact-person": Category.CONTACT,
}


@pytest.mark.parametrize(("code", "category"), FIXED.items())
def test_categories_that_sharing_rests_on(code: str, category: Category):
    assert FACTS[code].category is category


def test_coded_gives_the_value_with_its_words():
    assert coded("feeding", "breast").display == "Breast milk"
    with pytest.raises(KeyError):
        coded("feeding", "tea")
    with pytest.raises(KeyError):
        coded("weight", "breast")


# --- more than anybody has


@pytest.mark.parametrize(
    ("element", "many"),
    [
        ("identifiers", tuple(Identifier(system="urn:x", value=str(n)) for n in range(51))),
        ("addresses", tuple(PostalAddress(lines=(f"{n} High Street",)) for n in range(51))),
        ("given", tuple("abcdefghijklmnopqrstuvwxyz" * 2)),
    ],
)
def test_more_of_something_than_anybody_has_is_refused_and_nothing_else_is_looked_at(element, many):
    assert said(with_person("birth", 0, **{element: many})) == {("error", "too-costly")}
    assert ("error", "too-costly") not in said(with_person("birth", 0, **{element: many[:50]}))


def test_more_people_than_a_family_has_are_refused():
    message = MESSAGES["birth"]
    crowd = tuple(Person(key=str(n)) for n in range(100))
    assert said(replace(message, people=(*message.people, *crowd))) == {("error", "too-costly")}
