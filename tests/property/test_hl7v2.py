"""HL7 v2 out of order, doubled, torn, with odd values and wrong separators: every adapter that reads it answers, twice the same, and quickly."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.hl7v2 import V2Message, acknowledgement, parse
from adapters.hl7v2.framing import MOST_BYTES
from adapters.port import Quarantine
from adapters.registry import ADAPTERS
from tests.property.test_adapters import CANARY, NOW, _answer, quick

SAMPLES = sorted((Path(__file__).parents[1] / "samples").glob("hl7v2-*/*.hl7"))
MESSAGES = [path.read_bytes().removeprefix(b"\xef\xbb\xbf").replace(b"\n", b"\r") for path in SAMPLES]
MESSAGES += [
    b"MSH|^~\\&|PAS|RXK|||20260302115000||ADT^A01|1|P|2.4||||||UNICODE UTF-8\rEVN||202603021150\r"
    b"PID|1||9990000018^^^NHS^NH~M1^^^MAT||Hara^Mary||%s|2|||1 High Street^^^^B70 9AB^^H|||||||||%s\r"
    b"NK1|1|Lowe^Tom|%s||||||||||||M|%s\rPV1|1|I|W7|%s||||||||||B6||||V77\rOBX|1|DT|11778-8^^LN||20260901" % parts
    for parts in (
        (b"19950412", b"", b"02", b"19930303", b"31"),
        (b"202603010410", b"M2^^^MAT", b"MTH", b"19930303", b"N"),
        (b"19950412", b"", b"CHD", b"20260301", b"32"),
    )
]
"""The public samples, and a pregnancy, a birth and a woman after it."""

VALUES = st.sampled_from(
    [
        CANARY,
        '""',
        "~" * 300,
        "^" * 100 + "&" * 100,
        "\\.sp99999999\\",
        "\\X00FF\\",
        "\\",
        "Zoë",
        "00010101000000+1400",
        "99991231235959-1400",
        "196513121515",
        "20260302",
        "202603021150+0100[Europe/London]",
        "1e999999",
        "٣",
        "9990000018^^^NHS^NH",
        "MTH",
        "CHD",
        "B6",
        "N",
        "82",
        "Y",
        "1 High Street^^^^B70 9AB^^H^^^^^20260225",
    ]
)
TRIGGERS = st.sampled_from(
    [f"ADT^A{number:02}".encode() for number in (1, 2, 3, 4, 5, 8, 11, 13, 28, 31, 34, 38, 40, 47)]
    + [b"REF^I12", b"ADT^", b"^"]
)
LINES = [
    b"MRG|1^^^A",
    b"NK1|1|A^B|MTH",
    b"OBX|1|NM|8339-4^^LN||3.2|kg",
    b"PV1",
    b"ZZZ",
    b"PID",
    CANARY.encode(),
    b"OBX|1|DT|EDD||2026",
]


@st.composite
def hostile(draw: st.DrawFn) -> bytes:
    """A public message of any trigger, some of its lines and fields dropped, moved, doubled or given another value."""
    header, *lines = draw(st.sampled_from(MESSAGES)).split(b"\r")
    fields = header.split(b"|")
    fields[8], fields[10] = draw(TRIGGERS), b"P"
    for _ in range(draw(st.integers(0, 5))):
        place = draw(st.integers(0, max(len(lines) - 1, 0)))
        match draw(st.sampled_from(["drop", "double", "add", "field", "field", "field"])):
            case "drop" if lines:
                del lines[place]
            case "double" if lines:
                lines.append(lines[place])
            case "add":
                lines.insert(place, draw(st.sampled_from(LINES)))
            case _ if lines:
                parts = lines[place].split(b"|")
                parts += [b""] * draw(st.integers(0, 30))
                parts[draw(st.integers(1, max(len(parts) - 1, 1))) % len(parts)] = draw(VALUES).encode()
                lines[place] = b"|".join(parts)
    if draw(st.integers(0, 3)) == 0:
        fields[draw(st.integers(1, len(fields) - 1))] = draw(VALUES).encode()
    body = b"\r".join([b"|".join(fields), *lines])
    marks = draw(st.sampled_from([*[b"|^~\\&"] * 7, b"$*+!%", b"||~\\&", b"|^~"]))
    body = b"MSH" + marks + body[8:]
    end = len(body) if draw(st.integers(0, 3)) else draw(st.integers(len(body) // 2, len(body)))
    return draw(st.sampled_from([b"", b"\x0b"])) + body[:end]


@pytest.mark.parametrize("kind", ["midwifery", "gp", "cmht"])
@settings(quick, max_examples=100)
@given(body=hostile())
def test_hostile_messages(kind, body):
    _answer(kind, body)


@settings(quick, max_examples=300)
@given(body=st.one_of(hostile(), st.binary(max_size=60).map(b"MSH".__add__)))
def test_whatever_came_is_answered_in_its_own_standard(body):
    answer = acknowledgement(body, "AE", "is not read", "PID-7", at=NOW, issue="value")
    read, original = parse(answer, "x/y; charset=utf-8"), parse(body, "x/y; charset=utf-8")
    assert answer.startswith(b"MSH")
    assert b"MSA" in answer
    if isinstance(original, V2Message):
        assert isinstance(read, V2Message)
        assert read.first("MSA").text(2) == original.control_id[:250]


HEADER = b"MSH|^~\\&|PAS|RXK|||2026||ADT^A01|1|P|2.4\r"


@pytest.mark.parametrize(
    "body",
    [
        HEADER + b"PID|" + b"~" * (MOST_BYTES - 100),
        HEADER + b"PID|" + b"\\E" * (MOST_BYTES // 2 - 100),
        HEADER + b"\nx" * (MOST_BYTES // 2 - 100),
        HEADER + b"ZZZ\r" * (MOST_BYTES // 4 - 100),
        b"\x0b" * MOST_BYTES,
        b"MSH" + b"|" * (MOST_BYTES - 3),
    ],
)
def test_what_is_built_to_cost_is_refused_or_read_within_limits(body):
    """The hang this would be is seen by the suite's own time limit."""
    found = ADAPTERS["midwifery"].translate(body, None, {})
    assert isinstance(found, Quarantine)
