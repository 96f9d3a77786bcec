"""Bytes become one JSON object, or a problem that says why not; nothing raises and nothing is read past its limit."""

import pytest

from schemas.limits import Limits, parse
from schemas.problem import Problem


def nested(depth: int) -> bytes:
    return b'{"a":' + b"[" * (depth - 1) + b"0" + b"]" * (depth - 1) + b"}"


def reason_for(raw: bytes, limits: Limits | None = None) -> str:
    problems = parse(raw, limits or Limits())
    assert isinstance(problems, list)
    (problem,) = problems
    return problem.reason


def test_reads_an_object():
    assert parse(b' {"resourceType": "Bundle", "a": [1, 2.5, null, true, "\\u00e9\\n"]} ') == {
        "resourceType": "Bundle",
        "a": [1, 2.5, None, True, "\u00e9\n"],
    }


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "is not JSON: line 1, column 1"),
        (b"\xef\xbb\xbf{}", "begins with a byte order mark; JSON is UTF-8 without one"),
        (b'{"a":"\xff"}', "is not UTF-8 at byte 6"),
        (b'{"a":NaN}', "is not JSON: line 1, column 6"),
        (b'{"a":1e999}', "is not JSON: line 1, column 6"),
        (b'{"a":"\\ud800"}', "is not JSON: line 1, column 7"),
        (b'{"a":1,}', "is not JSON: line 1, column 7"),
        (b'{\n"a":1', "is not JSON: line 2, column 6"),
        (b"<Bundle/>", "is not JSON: line 1, column 1"),
        (b"[]", "must be one JSON object"),
        (b'"x"', "must be one JSON object"),
        (b"null", "must be one JSON object"),
    ],
)
def test_refuses(raw, reason):
    assert reason_for(raw) == reason


def test_size_is_limited():
    raw = b'{"a":"' + b"x" * 93 + b'"}'
    assert isinstance(parse(raw, Limits(bytes=101)), dict)
    assert reason_for(raw, Limits(bytes=100)) == "is longer than 100 bytes"


@pytest.mark.parametrize("depth", [1, 2, 7, 40])
def test_depth_is_limited_exactly(depth):
    assert isinstance(parse(nested(depth), Limits(depth=depth)), dict)
    assert reason_for(nested(depth + 1), Limits(depth=depth)) == f"is nested deeper than {depth} levels"


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":' + b"[" * 100_000,  # never closed
        b'{"a":' + b'["]",' * 50 + b"1" + b"]" * 50 + b"}",  # closed inside strings
        b'{"a":' + b'["\\"]",' * 50 + b"1" + b"]" * 50 + b"}",
        b'{"a":' + b'["\\\\",' * 50 + b"1" + b"]" * 50 + b"}",
        b"[{" * 100_000,
    ],
)
def test_depth_cannot_be_hidden(raw):
    assert reason_for(raw) == "is nested deeper than 40 levels"


@pytest.mark.parametrize("text", [b"[" * 100, b"]" * 100, b"{{[[", b'\\"' * 50, b"\\\\" * 50, b'\\"[\\\\'])
def test_brackets_in_text_are_text(text):
    assert isinstance(parse(b'{"a":["' + text + b'"]}'), dict)


def test_entries_are_limited_through_inner_bundles():
    inner = b'{"resourceType":"Bundle","entry":[{},{},{}]}'
    raw = b'{"entry":[{"resource":' + inner + b'},{"resource":' + inner + b"}]}"
    assert isinstance(parse(raw, Limits(entries=8)), dict)
    assert parse(raw, Limits(entries=7)) == [Problem("Bundle.entry", "has more than 7 entries", "too-costly")]


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b'{"id":1,"id":2}', "Bundle"),
        (b'{"entry":[{},{"resource":{"id":"a","id":"a"}}]}', "Bundle.entry[1].resource"),
        (b'{"id":1,"\\u0069d":2}', "Bundle"),
        (b'{"Ann Example":{"id":1,"id":2}}', "Bundle"),  # a name that is not FHIR's is not repeated
        (b'{"a\\\\":1,"id":1,"id":2}', "Bundle"),
        (b'{"":"","":":"}', "Bundle"),
    ],
)
def test_a_name_may_stand_once(raw, path):
    assert parse(raw) == [Problem(path, "names one element twice")]


@pytest.mark.parametrize(
    "raw", [b'{"a\\\\":1}', b'{"a":"b\\":"}', b'{"a\\":":":"}', b'{"a":{"a":{"a":1}}}', b'{"a" :1, "b"\n:2}', b'{"":1}']
)
def test_odd_names_are_not_taken_for_repeated_ones(raw):
    assert isinstance(parse(raw), dict)


def test_a_limit_that_cannot_be_kept_is_refused():
    with pytest.raises(ValueError, match="above 200"):
        Limits(depth=201)
    assert isinstance(parse(nested(200), Limits(depth=200)), dict)
