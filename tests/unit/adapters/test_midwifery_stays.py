"""What a trust's HL7 v2 events come to for maternity: the public samples one by one, and messages made as systems here send them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from adapters.hl7v2 import V2Message, parse
from adapters.port import Ignored, Notifications, Quarantine
from schemas.codes import Event, RelationshipKind
from schemas.events import check
from schemas.identifiers import NHS_NUMBER, own_system
from schemas.message import Coding, Identifier, Relationship

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
MATERNITY = own_system("MATERNITY")

WOMAN = (
    "PID|1||9990000018^^^NHS^NH~M123^^^MATERNITY^MR||Hara^Mary^^^Ms^^L||19950412|2|||"
    "1 High Street^^West Bromwich^West Midlands^B70 9AB^GBR^H"
)
MAN = WOMAN.replace("|2|", "|1|")
BABY = "PID|1||M777^^^MATERNITY^MR||Hara^Baby||202603010410|1|||1 High Street^^West Bromwich^^B70 9AB||||||||||M123^^^MATERNITY^MR"
CHILD = WOMAN.replace("19950412", "20200412")
PREGNANT = "PV1|1|I|W7^^^RXK||||C1^Khan^Sara||||||||B6||||V77^^^VISITID"
IN_HOSPITAL = "PV1|1|I|W7^^^RXK||||C1^Khan^Sara||||||||||||V77^^^VISITID"
PARTNER = "NK1|1|Lowe^Tom|02||||||||||||M|19930303"
NEWBORN = "NK1|2|Hara^Baby|CHD||||||||||||M|20260301"
DUE = "OBX|1|DT|11778-8^Delivery date estimated^LN||20260901||||||F"


def stay(pv1: str, field: int, value: str) -> str:
    """The PV1 with one field set."""
    fields = pv1.split("|")
    fields += [""] * (field + 1 - len(fields))
    fields[field] = value
    return "|".join(fields)


def event(trigger: str, *segments: str, at: str = "202603021150", control: str = "1", facility: str = "RXK") -> bytes:
    header = rf"MSH|^~\&|PAS|{facility}|BATON|HUB|{at}00||ADT^{trigger}|{control}|P|2.4||||||UNICODE UTF-8"
    return "\r".join((header, f"EVN||{at}", *segments)).encode()


@pytest.fixture
def told(translate):
    """The messages of an event, which the broker would take."""

    def messages(*args: str, **more: str):
        found = translate("midwifery", event(*args, **more))
        assert isinstance(found, Notifications), found
        for message in found.messages:
            assert not [problem for problem in check(message, NOW) if problem.severity == "error"]
        return found.messages

    return messages


@pytest.fixture
def only(told):
    def message(*args: str, **more: str):
        [one] = told(*args, **more)
        return one

    return message


def _facts(message):
    return {fact.code: (getattr(fact.value, "code", fact.value), fact.about) for fact in message.facts}


# --- the public samples -------------------------------------------------------------------------------------------

SAMPLES = {  # what each comes to, with the triggers and persons it names
    "hl7v2-lfh/sample_win.hl7": "training",
    "hl7v2-ms/ADT-A01-01.hl7": "nothing of a pregnancy",
    "hl7v2-ms/ADT-A02-02.hl7": "Where in the hospital",
    "hl7v2-ms/ADT-A05-02.hl7": "nothing of a pregnancy",
    "hl7v2-ms/ADT-A11-02.hl7": "Another service",
    "hl7v2-ms/ADT-A13-02.hl7": "Another service",
    "hl7v2-ms/ADT-A28-01.hl7": "Another service",
    "hl7v2-ms/ADT-A31-01.hl7": "Another service",
    "hl7v2-ms/ADT-A40-02.hl7": [Event.IDENTIFIER_CHANGE, Event.IDENTIFIER_CHANGE],
    "hl7v2-ms/ADT04-23.hl7": "a clinic",
    "hl7v2-ms/REF-I12-01.hl7": {"MSH-9"},
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_public_sample(name, sample, translate):
    found, expected = translate("midwifery", sample(name)), SAMPLES[name]
    match found:
        case Notifications(messages):
            assert [message.event for message in messages] == expected
        case Ignored(reason):
            assert isinstance(expected, str)
            assert expected in reason
        case Quarantine(problems):
            assert {problem.path for problem in problems} == expected


# --- pregnancies --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trigger", ["A05", "A01", "A04", "A28"])
def test_a_pregnancy_is_told_by_whoever_meets_it_first(trigger, only):
    message = only(trigger, WOMAN, "PD1|||Surgery^^M85001", PARTNER, stay(PREGNANT, 44, "202603021000"), "PV2|||Labour")
    assert (message.event, message.subjects) == (Event.PREGNANCY_BOOKING, ("patient",))
    mary, partner = message.people
    assert mary.identifiers == (
        Identifier(system=NHS_NUMBER, value="9990000018"),
        Identifier(system=MATERNITY, value="M123"),
    )
    assert (mary.practice, mary.addresses[0].postcode) == ("M85001", "B70 9AB")
    assert (partner.family, message.relationships[0].kind) == ("Lowe", RelationshipKind.PARTNER)
    # An admission is told at its own time; what is only planned, or a record made, when it was recorded.
    arrived = datetime(2026, 3, 2, 10, tzinfo=UTC) if trigger in ("A01", "A04", "A28") else None
    assert message.occurred == (arrived or datetime(2026, 3, 2, 11, 50, tzinfo=UTC))


def test_a_pregnancy_that_every_visit_to_a_clinic_repeats_is_told_once(translate):
    def visit(number: str, due: str, at: str):
        return translate("midwifery", event("A04", WOMAN, PREGNANT.replace("V77", number), due, at=at, control=number))

    first, second = visit("V1", DUE, "202603021150"), visit("V2", DUE, "202603091150")
    assert isinstance(first, Notifications)
    assert (first.key, first.content_key) == (second.key, second.content_key)
    scanned = visit("V3", DUE.replace("20260901", "20260905"), "202603161150")
    assert scanned.key != first.key
    assert scanned.messages[0].reference == first.messages[0].reference
    without = [visit(number, "", "202603021150") for number in ("V4", "V5")]
    assert without[0].key != without[1].key


@pytest.mark.parametrize(
    "segments",
    [
        (stay(IN_HOSPITAL, 4, "L"),),
        (stay(IN_HOSPITAL, 4, "31"),),
        (stay(IN_HOSPITAL, 18, "Pregnant"),),
        (IN_HOSPITAL, DUE),
        (IN_HOSPITAL, "OBX|1|DT|EDD||20260901"),
        (IN_HOSPITAL, "DG1|1||Z34.9^^I10"),
        (IN_HOSPITAL, "DG1|1||77386006^Pregnant^SCT"),
    ],
)
def test_a_pregnancy_is_said_in_several_ways(segments, only):
    assert only("A01", WOMAN, *segments).event is Event.PREGNANCY_BOOKING


def test_what_is_measured_of_a_pregnancy_is_told(only):
    message = only("A05", WOMAN, PREGNANT, DUE, "OBX|2|NM|11884-4^^LN||14|weeks", "OBX|3|NM|11878-6^^LN||2")
    assert _facts(message) == {
        "expected-date": (date(2026, 9, 1), "patient"),
        "gestation": (Decimal(14), "patient"),
        "number-of-fetuses": (2, "patient"),
    }


def test_what_cannot_be_read_with_certainty_is_left_out_and_said(translate):
    body = event(
        "A05",
        WOMAN,
        PREGNANT,
        "OBX|1|DT|11778-8^^LN||20261301",
        "OBX|2|NM|11884-4^^LN||14|",
        "OBX|3|NM|11878-6^^LN||twins",
        "OBX|4|NM|11884-4^^LN||99|weeks|||||D",
    )
    found = translate("midwifery", body)
    assert isinstance(found, Notifications)
    assert found.messages[0].facts == ()
    assert {warning.path for warning in found.warnings} == {"OBX-5", "OBX[2]-5", "OBX[3]-5"}


@pytest.mark.parametrize(
    ("trigger", "segments", "reason"),
    [
        ("A01", (WOMAN, IN_HOSPITAL), "nothing of a pregnancy"),
        ("A05", (WOMAN, stay(IN_HOSPITAL, 10, "501")), "nothing of a pregnancy"),
        ("A04", (CHILD, stay(IN_HOSPITAL, 2, "O")), "a clinic"),
        ("A05", (CHILD, IN_HOSPITAL), "when it has come"),
        ("A02", (WOMAN, PREGNANT), "Where in the hospital"),
        ("A14", (WOMAN, PREGNANT), "planned"),
        ("A29", (WOMAN,), "deleted"),
        ("A08", (WOMAN, PREGNANT), "as it stands"),
        ("A28", (WOMAN,), "as it stands"),
        ("A03", (MAN, IN_HOSPITAL), "A man"),
        ("A03", (WOMAN, stay(IN_HOSPITAL, 10, "300")), "Another service"),
        ("A08", (stay(WOMAN, 30, "Y"), stay(IN_HOSPITAL, 10, "MED")), "Another service"),
        ("A11", (WOMAN, stay(IN_HOSPITAL, 10, "300")), "Another service"),
        ("A03", (WOMAN, PREGNANT), "midwifery goes on"),
    ],
)
def test_what_is_none_of_batons_business_is_said_to_be_so(trigger, segments, reason, translate):
    found = translate("midwifery", event(trigger, *segments))
    assert isinstance(found, Ignored), found
    assert reason in found.reason


# --- births, children, hand-overs ---------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["N", "82"])
def test_a_birth_in_the_hospital(how, only):
    mother = "NK1|1|Hara^Mary|MTH||||||||||||F|19950412"
    weight = "OBX|1|NM|8339-4^^LN||3.2|kg"
    message = only("A01", BABY, mother, stay(stay(IN_HOSPITAL, 4, how), 44, "202603010600"), weight, at="202603011000")
    assert (message.event, message.subjects, message.occurred) == (
        Event.BIRTH,
        ("baby",),
        datetime(2026, 3, 1, 4, 10, tzinfo=UTC),
    )
    assert message.relationships == (Relationship(person="kin-1", kind=RelationshipKind.MOTHER, to="baby"),)
    assert message.person("kin-1").identifiers == (Identifier(system=MATERNITY, value="M123"),)
    assert _facts(message) == {"birth-weight": (Decimal(3200), "baby")}


def test_a_mother_who_is_only_a_number_is_told(only):
    message = only("A01", BABY, stay(IN_HOSPITAL, 4, "N"), at="202603011000")
    assert message.relationships == (Relationship(person="mother", kind=RelationshipKind.MOTHER, to="baby"),)


def test_that_a_mother_s_admission_is_called_a_birth_makes_her_no_baby(only):
    assert only("A01", WOMAN, stay(PREGNANT, 4, "82")).event is Event.PREGNANCY_BOOKING


def test_whether_a_newborn_lived_is_never_guessed(translate):
    died = f"{BABY}||||||||||Y".replace("|M123", "||||||||", 0)
    body = event("A01", stay(died, 30, "Y"), stay(IN_HOSPITAL, 4, "N"), at="202603011000")
    found = translate("midwifery", body)
    assert isinstance(found, Quarantine)
    assert [problem.path for problem in found.problems] == ["PID-30"]


@pytest.mark.parametrize(
    ("trigger", "pv1", "said"),
    [
        ("A01", IN_HOSPITAL, Event.CHILD_ADMISSION),
        ("A04", stay(IN_HOSPITAL, 2, "E"), Event.EMERGENCY_ATTENDANCE),
        ("A03", IN_HOSPITAL, Event.CHILD_DISCHARGE),
    ],
)
def test_a_child_in_hospital(trigger, pv1, said, only):
    message = only(trigger, CHILD, pv1, "PV2|||^Fell down stairs")
    assert message.event is said
    if said is not Event.CHILD_DISCHARGE:
        assert _facts(message)["presenting-problem"] == ("Fell down stairs", "patient")


def test_a_woman_who_leaves_after_the_birth_is_handed_over_with_her_baby(only):
    message = only("A03", WOMAN, PARTNER, NEWBORN, stay(PREGNANT, 45, "202603021000"), "OBX|1|NM|8339-4^^LN||3200|g")
    assert (message.event, message.subjects) == (Event.MATERNITY_DISCHARGE, ("patient", "kin-2"))
    assert message.occurred == datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert Relationship(person="patient", kind=RelationshipKind.MOTHER, to="kin-2") in message.relationships
    assert _facts(message) == {"birth-weight": (Decimal(3200), "kin-2")}


OLDER = BABY.replace("202603010410", "20250901")


@pytest.mark.parametrize(
    ("patient", "service", "said"),
    [
        (WOMAN, "", Event.MATERNITY_DISCHARGE),
        (WOMAN, "501", Event.MATERNITY_DISCHARGE),
        (WOMAN, "X^Maternity", Event.MATERNITY_DISCHARGE),
        (BABY, "", Event.MATERNITY_DISCHARGE),
        (BABY, "422", Event.MATERNITY_DISCHARGE),
        (BABY, "420", Event.CHILD_DISCHARGE),
        (OLDER, "", Event.CHILD_DISCHARGE),
        (OLDER, "422", Event.MATERNITY_DISCHARGE),
    ],
)
def test_a_woman_or_a_baby_who_leaves_maternity_is_handed_over(patient, service, said, only):
    message = only("A03", patient, stay(IN_HOSPITAL, 10, service))
    assert (message.event, message.subjects) == (said, ("patient",))


def test_of_a_stillbirth_only_the_end_of_the_mothers_pregnancy_is_told(only, translate):
    message = only("A03", BABY, stay(IN_HOSPITAL, 36, "5"))
    assert (message.event, message.subjects, message.facts) == (Event.PREGNANCY_END, ("mother",), ())
    assert [person.key for person in message.people] == ["mother"]
    nobody = BABY.replace("M123^^^MATERNITY^MR", "")
    assert isinstance(translate("midwifery", event("A03", nobody, stay(IN_HOSPITAL, 36, "5"))), Quarantine)


@pytest.mark.parametrize("trigger", ["A03", "A08", "A31"])
def test_a_death_is_told_once_however_often_the_record_repeats_it(trigger, translate):
    dead = stay(stay(WOMAN, 29, "202603010900"), 30, "Y")
    one = translate("midwifery", event(trigger, dead, IN_HOSPITAL))
    assert isinstance(one, Notifications)
    [message] = one.messages
    assert (message.event, message.person("patient").deceased) == (Event.DEATH, datetime(2026, 3, 1, 9, tzinfo=UTC))
    if trigger != "A03":
        again = translate("midwifery", event("A08", dead, IN_HOSPITAL, at="202603090900", control="2"))
        assert (again.key, again.content_key) == (one.key, one.content_key)


@pytest.mark.parametrize("trigger", ["A03", "A08"])
@pytest.mark.parametrize(
    ("died", "lived"), [("", False), ("20260301", False), ("20260302", True), ("202603020100", True)]
)
def test_a_record_of_a_newborn_that_died_need_not_mean_that_it_lived(trigger, died, lived, translate):
    dead = stay(stay(BABY, 29, died), 30, "Y")
    found = translate("midwifery", event(trigger, dead, IN_HOSPITAL, at="202603031150"))
    assert isinstance(found, Notifications if lived else Quarantine)
    if trigger == "A03" and not lived:  # the hospital says that it died, and has another word for a stillbirth
        told = translate("midwifery", event("A03", dead, stay(IN_HOSPITAL, 36, "4"), at="202603031150"))
        assert [message.event for message in told.messages] == [Event.DEATH]


# --- cancelling, moving, merging ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("made", "cancel"), [("A01", "A11"), ("A04", "A11"), ("A05", "A38"), ("A03", "A13")])
def test_what_is_cancelled_is_taken_back_by_its_visit(made, cancel, only):
    segments = (WOMAN, NEWBORN, PREGNANT)
    first, again = only(made, *segments), only(made, *segments, control="2")
    withdrawal = only(cancel, WOMAN, PREGNANT, control="3")
    assert (withdrawal.event, withdrawal.people) == (Event.WITHDRAW, ())
    assert withdrawal.reference == first.id[:32] == again.id[:32]
    assert len({first.id, again.id, withdrawal.id}) == 3
    elsewhere = only(cancel, WOMAN, PREGNANT, facility="RRK")
    other_visit = only(cancel, WOMAN, PREGNANT.replace("V77", "V78"))
    assert withdrawal.reference not in {elsewhere.reference, other_visit.reference}


def test_what_names_no_visit_cancels_nothing(translate):
    found = translate("midwifery", event("A11", WOMAN, "PV1|1|I"))
    assert isinstance(found, Quarantine)
    assert [problem.path for problem in found.problems] == ["PV1-19"]


MOVED = WOMAN.replace("GBR^H", "GBR^H^^^^^20260225")


@pytest.mark.parametrize("trigger", ["A08", "A31", "A28"])
def test_a_move_is_told_when_its_address_is_dated_and_once(trigger, translate):
    one = translate("midwifery", event(trigger, MOVED))
    assert isinstance(one, Notifications)
    [message] = one.messages
    assert message.event is Event.CHANGE_OF_ADDRESS
    assert message.person("patient").addresses[0].since == date(2026, 2, 25)
    again = translate("midwifery", event("A08", MOVED.replace("Hara", "Lowe"), at="202603100900", control="2"))
    assert (again.key, again.content_key) == (one.key, one.content_key)


@pytest.mark.parametrize("since", ["20250225", "20270225", "2026", "20261325"])
def test_where_somebody_has_long_lived_or_will_live_is_no_move(since, translate):
    assert isinstance(translate("midwifery", event("A08", MOVED.replace("20260225", since))), Ignored)


def test_an_address_that_was_left_is_not_told_as_a_home(only):
    left = MOVED.replace("^H^^^^^20260225", "^H^^^^^20260225~2 Low Road^^^^B71 1AA^^H^^^^^^^20260224")
    assert [address.postcode for address in only("A08", left).people[0].addresses] == ["B70 9AB"]


@pytest.mark.parametrize(("trigger", "kind"), [("A40", "merge"), ("A34", "merge"), ("A47", "replaced")])
def test_two_records_of_one_person(trigger, kind, told):
    other = WOMAN.replace("9990000018", "9990000026").replace("M123", "M125")
    one, two = told(trigger, WOMAN, "MRG|M124^^^MATERNITY^MR", other, "MRG|9990000034^^^NHS^NH")
    assert (one.event, one.kind, two.kind) == (Event.IDENTIFIER_CHANGE, kind, kind)
    assert one.facts[0].value == Coding(system=MATERNITY, code="M124")
    assert (one.facts[0].code, two.facts[0].code) == ("previous-local-number", "previous-nhs-number")
    assert one.id != two.id


@pytest.mark.parametrize(
    ("segments", "path"),
    [
        ((WOMAN,), "MRG"),
        ((WOMAN, "MRG|"), "MRG-1"),
        (("PID|1||", "MRG|1"), "PID-3"),
        (("MRG|1",), "PID"),
    ],
)
def test_a_merge_that_lacks_a_number_is_quarantined(segments, path, translate):
    found = translate("midwifery", event("A40", *segments))
    assert isinstance(found, Quarantine)
    assert path in {problem.path for problem in found.problems}


# --- what is not read, and the same again -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (event("A37", WOMAN), "MSH-9"),
        (event("A01", WOMAN).replace(b"ADT^", b"ORU^"), "MSH-9"),
        (event("A01", IN_HOSPITAL), "PID"),
        (event("A01", WOMAN, PREGNANT, at="2026030"), "EVN-2"),
        (event("A01", WOMAN.replace("Mary", "Zoë"), PREGNANT).replace(b"UNICODE UTF-8", b"ASCII"), "MSH-18"),
        (b"MSH", "MSH-2"),
    ],
)
def test_what_cannot_be_read_is_quarantined_with_its_place(body, path, translate):
    found = translate("midwifery", body)
    assert isinstance(found, Quarantine)
    assert path in {problem.path for problem in found.problems}


def test_the_same_message_framed_for_mllp_is_the_same(translate):
    body = event("A05", WOMAN, PREGNANT)
    plain, framed = translate("midwifery", body), translate("midwifery", b"\x0b" + body + b"\x1c\r")
    assert isinstance(plain, Notifications)
    assert framed == plain


def test_another_event_of_the_same_number_is_another(translate):
    one, other = (
        translate("midwifery", event("A05", WOMAN, PREGNANT, at=at)) for at in ("202603021150", "202603031150")
    )
    assert one.key != other.key


def test_z_segments_change_nothing_and_are_kept(translate):
    body = event("A05", WOMAN, PREGNANT, "ZU3|004||||||||8b||1", "ZU8|U|1|Yes")
    found = translate("midwifery", body)
    assert isinstance(found, Notifications)
    assert found.messages[0].people == translate("midwifery", event("A05", WOMAN, PREGNANT)).messages[0].people
    read = parse(body, None)
    assert isinstance(read, V2Message)
    assert read.extensions == ("ZU3|004||||||||8b||1", "ZU8|U|1|Yes")
