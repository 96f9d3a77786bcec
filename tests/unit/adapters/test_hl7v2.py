"""The HL7 v2 reader: framing, character sets, structure, times, people, acknowledgements, and when a message is the same again."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from adapters.hl7v2 import V2Message, acknowledgement, parse, people
from adapters.hl7v2.structure import MOST_PARTS, MOST_SEGMENTS
from adapters.hl7v2.times import moment
from schemas.codes import RelationshipKind
from schemas.identifiers import NHS_NUMBER, own_system
from schemas.message import Identifier, Person, PostalAddress, Relationship

SAMPLES = Path(__file__).parents[2] / "samples"
AT = datetime(2026, 3, 2, 12, tzinfo=UTC)

MSH = r"MSH|^~\&|PAS|RXK|BATON|HUB|20260302120000+0000||ADT^A01^ADT_A01|000123|P|2.4"
EVN = "EVN||202603021150"
PID = (
    "PID|1||9990000018^^^NHS^NH~M123^^^MATERNITY^MR||O'Hara^Mary^Jane^^Ms^^L~Smith^Mary^^^^^M||19950412|F|||"
    "1 High Street^^West Bromwich^West Midlands^B70 9AB^^H||0121 496 0000|||||||||||||||||||NSTS01"
)


def message(*segments: str, separator: str = "\r", charset: str = "utf-8", header: str = MSH) -> bytes:
    return separator.join((header, *segments)).encode(charset)


def read(*segments: str, header: str = MSH) -> V2Message:
    found = parse(message(*(segments or (EVN, PID)), header=header), None)
    assert isinstance(found, V2Message), found
    return found


def with_charset(name: str) -> str:
    return f"{MSH}||||||{name}"


# --- framing and character sets -----------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", ["\r", "\n", "\r\n"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b""),
        (b"\x0b", b"\x1c\r"),
        (b"\xef\xbb\xbf", b"\r\n"),
        (b"\x0b\xef\xbb\xbf", b"\x1c"),
        (b"\n ", b"\x00"[:0]),
    ],
)
def test_however_it_is_framed_it_says_the_same(separator, before, after):
    plain = read()
    framed = parse(before + message(EVN, PID, separator=separator) + after, None)
    assert isinstance(framed, V2Message)
    assert [segment.name for segment in framed.segments] == ["MSH", "EVN", "PID"]
    assert (framed.key, framed.content_key) == (plain.key, plain.content_key)


NAMED = PID.replace("O'Hara", "Zoë")


@pytest.mark.parametrize(
    ("stated", "content_type", "charset"),
    [
        ("UNICODE UTF-8", None, "utf-8"),
        ("UNICODE", None, "utf-8"),
        ("8859/1", None, "latin-1"),
        ("8859/15", "x-application/hl7-v2+er7", "iso8859-15"),
        ("", "x-application/hl7-v2+er7; charset=utf-8", "utf-8"),
        ("", 'application/hl7-v2;charset="ISO-8859-1"', "latin-1"),
        ("8859/1~UNICODE UTF-8", "x/y; charset=iso-8859-1", "latin-1"),
    ],
)
def test_a_declared_character_set_is_honoured(stated, content_type, charset):
    found = parse(message(EVN, NAMED, header=with_charset(stated), charset=charset), content_type)
    assert isinstance(found, V2Message)
    assert found.first("PID").text(5) == "Zoë"


def test_a_byte_order_mark_declares_utf_8():
    found = parse(b"\xef\xbb\xbf" + message(EVN, NAMED), None)
    assert isinstance(found, V2Message)
    assert found.first("PID").text(5) == "Zoë"


@pytest.mark.parametrize(
    ("stated", "content_type", "charset", "path", "code"),
    [
        ("", None, "utf-8", "MSH-18", "required"),
        ("ASCII", None, "utf-8", "MSH-18", "value"),
        ("UNICODE UTF-8", None, "latin-1", "MSH-18", "value"),
        ("BIG-5", None, "utf-8", "MSH-18", "not-supported"),
        ("", "x/y; charset=klingon", "utf-8", "Content-Type", "not-supported"),
        ("8859/1", "x/y; charset=utf-8", "utf-8", "MSH-18", "conflict"),
    ],
)
def test_a_character_set_is_never_guessed(stated, content_type, charset, path, code):
    found = parse(message(EVN, NAMED, header=with_charset(stated), charset=charset), content_type)
    assert isinstance(found, tuple)
    assert [(problem.path, problem.code) for problem in found] == [(path, code)]


def test_characters_that_the_declared_set_has_for_control_alone_show_that_it_is_another():
    found = parse(message(EVN, NAMED.replace("ë", "\x92"), header=with_charset("8859/1"), charset="latin-1"), None)
    assert [(problem.path, problem.code) for problem in found] == [("PID", "value")]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"PID|1",
        b"MSH",
        b"MSH|",
        b"MSH|^~\\&",
        b"MSH|^^^^|PAS",
        b"MSH|ABCD|PAS",
        b"MSH ^~\\& PAS",
        message(EVN, PID, header=MSH.replace("ADT^A01^ADT_A01", "")),
        message(EVN, PID, header=MSH.replace("000123", "")),
        message(EVN, PID, header=MSH.replace("2.4", "3.0")),
        message(EVN, PID, "MSH"),
        message(EVN, PID, MSH),
        message(EVN, PID, "FHS"),
        message(EVN, PID).decode().encode("utf-16"),
        message(EVN, PID + "\x00"),
        message(EVN, "PID|" + "|" * MOST_PARTS),
        message(*["ZZZ"] * MOST_SEGMENTS),
        message(EVN, "OBX|" + "\nx" * 10_000),
    ],
)
def test_what_is_no_message_is_refused_with_a_place(body):
    found = parse(body, None)
    assert isinstance(found, tuple)
    assert any(problem.severity == "error" for problem in found)
    assert all(problem.path.startswith(("MSH", "PID")) for problem in found)


def test_a_doubled_escape_character_is_repaired():
    found = read(EVN, PID, header=MSH.replace("^~\\&", "^~\\\\&"))
    assert [(warning.path, warning.severity) for warning in found.warnings] == [("MSH-2", "warning")]
    assert found.first("PID").text(5, 2) == "Mary"


def test_stray_spaces_and_line_breaks_are_kept_and_said():
    found = parse(message(EVN, "  " + PID, "NTE|1||first line\nsecond line"), None)
    assert isinstance(found, V2Message)
    assert found.first("NTE").text(3) == "first line\nsecond line"
    assert [warning.path for warning in found.warnings] == ["PID", "NTE"]


# --- structure ----------------------------------------------------------------------------------------------------


def test_parts_are_asked_for_whether_or_not_they_are_there():
    found = read(EVN, r'PID|1||a&b^c~d||\T\x\F\y\E\z\S\\R\\.br\\X41\\Q\\.sp99999999\|""')
    pid = found.first("PID")
    assert (pid.text(3), pid.first(3)(1, 2), pid.first(3)(2), pid.first(3)(9)) == ("a", "b", "c", "")
    assert [field(1) for field in pid.all(3)] == ["a", "d"]
    assert pid.text(5) == "&x|y\\z^~\nA"
    assert (pid.text(6), pid.is_null(6), pid.is_null(5), pid.text(99)) == ("", True, False, "")
    assert found.first("PV1").text(2) == ""
    assert (found.first("PV1").all(7), found.has("PV1"), found.extensions) == ((), False, ())


def test_an_escape_that_never_ends_is_text():
    assert read(EVN, r"PID|1||\F").first("PID").text(3) == "\\F"


def test_other_separators_are_as_good():
    found = parse(b"MSH$*+!%$PAS$RXK$$$20260302$$ADT*A01$1$P$2.4\rPID$1$$a%b*c+d", None)
    assert isinstance(found, V2Message)
    assert [field(1) for field in found.first("PID").all(3)] == ["a", "d"]
    assert found.trigger == "A01"


def test_z_segments_are_kept_as_they_were():
    assert read(EVN, PID, r"ZU3|004||\X\|8b||1").extensions == (r"ZU3|004||\X\|8b||1",)


def test_second_segments_have_paths_of_their_own():
    assert [segment.path(3) for segment in read(EVN, "NK1|1", "NK1|2").all("NK1")] == ["NK1-3", "NK1[2]-3"]


# --- the same again -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("120000+0000", "190000+0000"),  # sent again later in the day
        ("||ADT", "|secret|ADT"),
        ("|2.4", "|2.4|17"),
        ("|2.4", "|2.4||||||UNICODE UTF-8"),
        ("EVN||202603021150", "EVN||202603021150|||"),
    ],
)
def test_how_it_was_carried_makes_no_other_message(old, new):
    body = message(EVN, PID).decode()
    assert body.count(old) == 1
    one, other = read(), parse(body.replace(old, new).encode(), None)
    assert isinstance(other, V2Message)
    assert (one.key, one.content_key) == (other.key, other.content_key)


@pytest.mark.parametrize("old", ["PAS", "RXK", "A01^", "000123", "20260302120000"])
def test_another_sender_event_number_or_day_is_another_message(old):
    new = {"A01^": "A03^", "20260302120000": "20260303120000"}.get(old, "OTHER")
    assert read().key != read(EVN, PID, header=MSH.replace(old, new)).key


def test_the_same_number_with_other_content_is_told_apart():
    one, other = read(), read(EVN, PID.replace("Mary^Jane", "Mary^Anne"))
    assert one.key == other.key
    assert one.content_key != other.content_key


# --- times --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "day", "at"),
    [
        ("2010", None, None),
        ("201008", None, None),
        ("20100802", date(2010, 8, 2), None),
        ("201008021530", date(2010, 8, 2), datetime(2010, 8, 2, 14, 30, tzinfo=UTC)),
        ("20101202153001.25", date(2010, 12, 2), datetime(2010, 12, 2, 15, 30, 1, 250_000, UTC)),
        ("20100802153001-0500", date(2010, 8, 2), datetime(2010, 8, 2, 20, 30, 1, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_as_far_as_it_goes(text, day, at):
    found = moment(text)
    assert found is not None
    assert (found.day, found.at, found.repaired) == (day, at, None)


@pytest.mark.parametrize(
    "text", ["2010-08-02T15:30:00+01:00", "2010-08-02 15:30", "20100802 1530", "201008021530+0100[Europe/London]"]
)
def test_a_time_that_is_nearly_one_is_repaired(text):
    found = moment(text)
    assert found is not None
    assert (found.at, bool(found.repaired)) == (datetime(2010, 8, 2, 14, 30, tzinfo=UTC), True)


@pytest.mark.parametrize(
    "text", ["", "x", "20101", "196513121515", "20100230", "20100802+9900", "0001010100+1400", "2" * 40]
)
def test_a_time_that_cannot_be_is_none(text):
    assert moment(text) is None


def test_times_without_an_offset_are_of_the_zone_of_the_header():
    there = read(EVN, PID, header=MSH.replace("+0000", "+0200"))
    assert people.happened(there) == (datetime(2026, 3, 2, 9, 50, tzinfo=UTC), ())
    assert people.happened(read()) == (datetime(2026, 3, 2, 11, 50, tzinfo=UTC), ())


def test_an_impossible_time_of_the_event_is_replaced_by_the_next_best_and_said():
    at, warnings = people.happened(read("EVN||202613021150", PID))
    assert at == datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert [warning.path for warning in warnings] == ["EVN-2"]


def test_an_event_that_has_only_days_began_its_first():
    only_days = read("EVN||20260701", PID, header=MSH.replace("20260302120000+0000", "20260702"))
    assert people.happened(only_days) == (datetime(2026, 6, 30, 23, tzinfo=UTC), ())


# --- people -------------------------------------------------------------------------------------------------------


def patient(*segments: str) -> people.Patient:
    found = people.patient(read(EVN, *segments))
    assert isinstance(found, people.Patient)
    return found


def test_a_patient():
    found = patient(PID, "PD1|||High Street Surgery^^M85001")
    assert found.person == Person(
        key="patient",
        identifiers=(
            Identifier(system=NHS_NUMBER, value="9990000018", verified=True),
            Identifier(system=own_system("MATERNITY"), value="M123"),
        ),
        family="O'Hara",
        given=("Mary", "Jane"),
        birth_date=date(1995, 4, 12),
        gender="female",
        addresses=(PostalAddress(lines=("1 High Street", "West Bromwich", "West Midlands"), postcode="B70 9AB"),),
        practice="M85001",
    )
    assert (found.maiden, found.telephones, found.warnings) == ("Smith", ("0121 496 0000",), ())


@pytest.mark.parametrize(
    ("written", "system"),
    [
        ("9990000018^^^NHS", NHS_NUMBER),
        ("999 000 0018^^^^NH", NHS_NUMBER),
        ("9990000018^^^NHSNMBR", NHS_NUMBER),
        ("9990000018^^^&2.16.840.1.113883.2.1.4.1&ISO", NHS_NUMBER),
        ("9990000018", own_system("RXK")),
        ("9990000018^^^NHS Trust^MR", own_system("nhs-trust")),
    ],
)
def test_whose_number_it_is(written, system):
    assert [i.system for i in patient(f"PID|1||{written}||A^B").person.identifiers] == [system]


def test_numbers_of_accounts_and_other_countries_are_nobodys():
    assert patient("PID|1||1^^^^AN~2^^^USSSA^SS~^^^NHS||A^B").person.identifiers == ()


@pytest.mark.parametrize(("status", "verified"), [("NSTS01", True), ("01", True), ("NSTS02", False), ("ED", None)])
def test_whether_a_number_was_verified(status, verified):
    found = patient(PID.replace("NSTS01", status)).person.identifiers[0]
    assert (found.system, found.verified) == (NHS_NUMBER, verified)


@pytest.mark.parametrize(
    ("born", "died", "flag", "deceased", "doubts"),
    [
        ("19950412", "", "", None, 0),
        ("19950412", "", "N", False, 0),
        ("19950412", "", "Y", True, 0),
        ("19950412", "202603021000", "Y", datetime(2026, 3, 2, 10, tzinfo=UTC), 0),
        ("19950412", "20260302", "", date(2026, 3, 2), 0),
        ("19950412", "19900302", "Y", True, 1),
        ("19950412", "20261302", "Y", True, 1),
        ("19950412", "20260302", "N", False, 1),
    ],
)
def test_that_somebody_died_is_not_lost_with_a_wrong_date(born, died, flag, deceased, doubts):
    found = patient(f"PID|1||1||A^B||{born}" + "|" * 22 + f"{died}|{flag}")
    assert (found.person.deceased, len(found.warnings)) == (deceased, doubts)


def test_what_cannot_be_of_a_person_is_left_out_and_said():
    found = patient("PID|1||1||A^B||19651312|Q|||1 High Street^^^^B70 9AB^^M")
    assert (found.person.birth_date, found.person.gender) == (None, None)
    assert {warning.path for warning in found.warnings} == {"PID-7", "PID-8", "PID-11"}
    assert found.person.addresses[0].postcode == "B70 9AB"


@pytest.mark.parametrize(
    ("segment", "person", "address"),
    [
        ("PD1||||||||||||Y", True, False),
        ("ARV|1|A|LOC|PHY", False, True),
        ("ARV|1|A|DEM", True, False),
        ("ARV|1|D|DEM", False, False),
    ],
)
def test_who_is_protected(segment, person, address):
    found = patient(PID, segment).person
    assert (found.protected, found.addresses[0].protected) == (person, address)


def test_what_next_of_kin_are_to_the_patient():
    found = read(
        EVN,
        PID,
        "NK1|1|Hara^Tom|FTH||||||||||||M|19900101",
        "NK1|2|Hara^Kit|CHD^Child^HL70063",
        "NK1|3|Doe^Ann|FND",
        "NK1|4|Lee^Sam|02^Partner",
    )
    mary = people.patient(found)
    assert isinstance(mary, people.Patient)
    told = people.kin(found, mary.person)
    assert [kin.relationship for kin in told] == [
        Relationship(person="kin-1", kind=RelationshipKind.FATHER, to="patient"),
        Relationship(person="patient", kind=RelationshipKind.MOTHER, to="kin-2"),
        None,
        Relationship(person="kin-4", kind=RelationshipKind.PARTNER, to="patient"),
    ]
    assert (told[0].person.family, told[0].person.gender, told[0].person.birth_date) == (
        "Hara",
        "male",
        date(1990, 1, 1),
    )


def test_a_stay():
    pv1 = "PV1|1|I|W7^Bay 2^3^RXK||||||||||||B6|||Maternity|V77" + "|" * 25 + "202603011000|202603021100"
    found = people.stay(read(EVN, PID, pv1, "PV2|||Labour"))
    assert (found.number, found.ward, found.ambulatory, found.reason) == (
        "V77",
        "W7 Bay 2",
        frozenset({"B6"}),
        "Labour",
    )
    assert found.discharged is not None
    assert found.discharged.at == datetime(2026, 3, 2, 11, tzinfo=UTC)
    assert people.stay(read()).number == ""


def test_a_merge_has_for_each_who_remains_the_numbers_given_up():
    second = PID.replace("9990000018", "9990000026").replace("M123", "M125")
    found = read(EVN, PID, "MRG|M124^^^MATERNITY^MR", second, "MRG|9990000034^^^NHS^NH")
    told = [(remaining.person.identifiers[0].value, gone) for remaining, gone in people.merged(found)]
    assert told == [
        ("9990000018", (Identifier(system=own_system("MATERNITY"), value="M124"),)),
        ("9990000026", (Identifier(system=NHS_NUMBER, value="9990000034"),)),
    ]


def test_a_message_without_a_patient_says_so():
    found = people.patient(read(EVN))
    assert (found.path, found.code) == ("PID", "required")


# --- acknowledgements ---------------------------------------------------------------------------------------------


def test_a_positive_acknowledgement():
    found = parse(acknowledgement(message(EVN, PID), "AA", at=AT), None)
    assert isinstance(found, V2Message)
    assert [segment.name for segment in found.segments] == ["MSH", "MSA"]
    header = found.header
    assert [header.text(number) for number in (3, 4, 5, 6, 7, 11, 12)] == [
        "BATON",
        "HUB",
        "PAS",
        "RXK",
        "20260302120000+0000",
        "P",
        "2.4",
    ]
    assert [header.text(9, part) for part in (1, 2, 3)] == ["ACK", "A01", "ACK"]
    assert (found.first("MSA").text(1), found.first("MSA").text(2)) == ("AA", "000123")


def test_an_error_names_its_place_as_its_version_does():
    old = acknowledgement(message(EVN, PID), "AE", "is no date", "NK1[2]-16", at=AT, issue="value")
    new = acknowledgement(
        message(EVN, PID, header=MSH.replace("2.4", "2.5.1")), "AE", "is no date", "PID-7", at=AT, issue="value"
    )
    assert old.split(b"\r")[1:3] == [b"MSA|AE|000123|is no date", b"ERR|NK1^2^16^102&"]
    assert new.split(b"\r")[2] == b"ERR||PID^1^7|102|E||||is no date"


@pytest.mark.parametrize("original", [b"", b"nonsense", b"MSH", b"MSH|^^^^|x", b"\x0bMSH|^~\\&|PAS|RXK|||\x1c\r"])
def test_what_is_no_message_is_answered_all_the_same(original):
    found = acknowledgement(original, "AR", "is no HL7 v2 message", "MSH", at=AT)
    assert isinstance(parse(found, None), V2Message)
    assert b"\rMSA|AR" in found


def test_an_unreadable_message_is_answered_by_its_own_number_in_its_own_bytes():
    body = b"\x0b" + message(EVN, NAMED, header=MSH.replace("PAS", "PÄS"), charset="latin-1") + b"\x1c\r"
    assert isinstance(parse(body, None), tuple)
    found = acknowledgement(body, "AR", "names no character set", "MSH-18", at=AT, issue="required")
    assert "PÄS".encode("latin-1") in found
    assert b"MSA|AR|000123|" in found


def test_the_same_answer_has_the_same_number_and_no_separators_of_its_own():
    one, other = (acknowledgement(message(EVN, PID), "AE", "a|b^c", at=AT) for _ in range(2))
    assert one == other
    assert b"|abc\r" in one


@pytest.mark.parametrize("path", sorted((SAMPLES / "hl7v2-ms").iterdir()), ids=lambda path: path.name)
def test_public_samples_are_read_and_acknowledged(path):
    found = parse(path.read_bytes(), None)
    assert isinstance(found, V2Message)
    answer = parse(acknowledgement(path.read_bytes(), "AA", at=AT), None)
    assert isinstance(answer, V2Message)
    assert answer.first("MSA").text(2) == found.control_id
