"""The hardened way from XML to a STU3 Bundle."""

import json
from pathlib import Path

import pytest
from fhir.resources.STU3.bundle import Bundle
from fhir.resources.STU3.patient import Patient
from lxml import etree

from adapters.fhir_xml import MOST_BYTES, MOST_DEPTH, MOST_ELEMENTS, MOST_ENTRIES
from adapters.stu3 import Parsed, read

SAMPLES = Path(__file__).parents[2] / "samples" / "nems-stu3"
NAMES = sorted(path.name for path in SAMPLES.iterdir())

NAMESPACE = 'xmlns="http://hl7.org/fhir"'
CANARY = "9990001234"


def _bundle(inside, before=""):
    return f'{before}<Bundle {NAMESPACE}><type value="message"/>{inside}</Bundle>'.encode()


def _patient(inside):
    return _bundle(f"<entry><resource><Patient>{inside}</Patient></resource></entry>")


def _read_patient(inside):
    found = read(_patient(inside))
    assert isinstance(found, Parsed)
    resource = (found.bundle.entry or [])[0].resource
    assert isinstance(resource, Patient)
    return resource


def _problem(body):
    found = read(body)
    assert isinstance(found, tuple)
    return found[0]


@pytest.mark.parametrize("name", NAMES)
def test_reads_what_the_library_reads(name):
    """The library's own reader of XML is the oracle; it keeps the spaces round values that this one drops."""
    body = (SAMPLES / name).read_bytes()
    parser = etree.XMLParser(remove_comments=True, remove_pis=True, resolve_entities=False, no_network=True)
    theirs = json.loads(Bundle.model_validate_xml(body, xmlparser=parser).model_dump_json())
    ours = read(body)
    assert isinstance(ours, Parsed)
    assert json.loads(ours.bundle.model_dump_json()) == _without_spaces(theirs)


def _without_spaces(value):
    if isinstance(value, dict):
        return {name: _without_spaces(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_spaces(item) for item in value]
    return value.strip() if isinstance(value, str) else value


@pytest.mark.parametrize("name", NAMES)
def test_the_same_in_json_is_the_same(name):
    in_xml = read((SAMPLES / name).read_bytes())
    assert isinstance(in_xml, Parsed)
    in_json = read(json.dumps(in_xml.content).encode())
    assert isinstance(in_json, Parsed)
    assert (in_json.content, in_json.bundle) == (in_xml.content, in_xml.bundle)


def _json_patient(**elements):
    patient = {"resourceType": "Patient", **elements}
    return json.dumps({"resourceType": "Bundle", "type": "message", "entry": [{"resource": patient}]}).encode()


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"{}", "Bundle"),
        (b'{"resourceType": "Patient"}', "Bundle"),
        (b'{"resourceType": "Bundle", "type": "message", "type": "document"}', "Bundle"),
        (b'{"resourceType": "Bundle", "type": ["message"]}', "Bundle.type"),
        (b'{"resourceType": "Bundle", "type": "message", "entry": {}}', "Bundle.entry"),
        (b'{"resourceType": "Bundle", "type": "message", "entry": [1]}', "Bundle.entry[0]"),
        (b'{"resourceType": "Bundle", "type": "message", "entry": [{"resource": 1}]}', "Bundle.entry[0].resource"),
        (_json_patient(resourceType=["Patient"]), "Bundle.entry[0].resource"),
        (_json_patient(nobody="x"), "Bundle.entry[0].resource"),
        (_json_patient(_name=[{"id": "x"}]), "Bundle.entry[0].resource"),
        (_json_patient(gender={"a": "b"}), "Bundle.entry[0].resource.gender"),
        (_json_patient(gender=None), "Bundle.entry[0].resource.gender"),
        (_json_patient(_gender=1), "Bundle.entry[0].resource._gender"),
        (_json_patient(active="perhaps"), "Bundle.entry[0].resource.active"),
        (_json_patient(birthDate="12 June"), "Bundle.entry[0].resource.birthDate"),
        (_json_patient(name=[{"given": [["A"]]}]), "Bundle.entry[0].resource.name[0].given[0]"),
        (_json_patient(photo=[{"title": "x"}] * MOST_ELEMENTS), "Bundle"),
    ],
)
def test_what_is_wrong_in_json_is_said_with_its_place(body, path):
    assert _problem(body).path == path


def test_what_stands_beside_a_value_in_json_keeps_its_place():
    extension = {"extension": [{"url": "http://e.example", "valueString": "x"}]}
    found = read(_json_patient(name=[{"given": [" A ", None], "_given": [None, extension], "fhir_comments": ["c"]}]))
    assert isinstance(found, Parsed)
    assert found.content["entry"][0]["resource"]["name"] == [{"given": ["A", None], "_given": [None, extension]}]
    assert [warning.path for warning in found.warnings] == ["Bundle.entry[0].resource.name[0].given[0]"]


def test_a_value_padded_with_spaces_is_read_and_questioned():
    found = read((SAMPLES / "nipe-outcome-1-new.xml").read_bytes())
    assert isinstance(found, Parsed)
    assert [warning.path for warning in found.warnings] == ["Bundle.entry[2].resource.providedBy.display"]


def test_comments_and_processing_instructions_are_dropped():
    patient = _read_patient('<!-- a --><?go now?><gender value="female"><!-- b --></gender>')
    assert patient.gender == "female"
    assert "comment" not in patient.model_dump_json()


def test_what_stands_beside_a_repeated_value_keeps_its_place():
    extension = '<extension url="http://e.example"><valueString value="x"/></extension>'
    name = (_read_patient(f'<name><given value="A"/><given value="B">{extension}</given></name>').name or [])[0]
    assert name.given == ["A", "B"]
    assert [bool(beside) for beside in name.given__ext] == [False, True]


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE Bundle [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE Bundle SYSTEM "http://127.0.0.1:1/evil.dtd">',
        '<!DOCTYPE Bundle [<!ENTITY % x SYSTEM "http://127.0.0.1:1/"> %x;]>',
        '<!DOCTYPE Bundle [<!ENTITY x "y">]>',
        "<!DOCTYPE Bundle>",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_declaration_is_refused(declaration, encoding):
    body = _bundle("", before=f'<?xml version="1.0" encoding="{encoding}"?>{declaration}').decode().encode(encoding)
    assert (_problem(body).code, _problem(body).path) == ("forbidden", "Bundle")


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize("inside", ["<id>&l9;</id>", '<id value="&l9;"/>'])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_billion_laughs_are_not_laughed(inside, encoding):
    declaration = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE Bundle [<!ENTITY l0 "lol">{LAUGHS}]>'
    assert _problem(_bundle(inside, before=declaration).decode().encode(encoding)).severity == "error"


def test_no_entity_reaches_a_file(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(CANARY)
    body = _bundle("<id value='&x;'/>", before=f'<!DOCTYPE Bundle [<!ENTITY x SYSTEM "{secret.as_uri()}">]>')
    assert CANARY not in repr(read(body))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b" " * (MOST_BYTES + 1), "too-long"),
        (_bundle('<extension url="x">' * MOST_DEPTH + "</extension>" * MOST_DEPTH), "too-costly"),
        (_patient("<active/>" * MOST_ELEMENTS), "too-costly"),
        (_bundle("<entry/>" * MOST_ENTRIES), "too-costly"),
        (_bundle("<id " + " ".join(f'a{n}="x"' for n in range(60_000)) + "/>"), "too-costly"),
    ],
)
def test_what_is_too_much_is_refused_before_it_is_understood(body, code):
    assert _problem(body).code == code


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"", "Bundle"),
        (b"MSH|^~\\&|PAS", "Bundle"),
        (b'{"resourceType": "Bundle"}', "Bundle"),
        (b"<Bundle/>", "Bundle"),
        (f"<Patient {NAMESPACE}/>".encode(), "Bundle"),
        (b'<?xml version="1.0" encoding="ebcdic-none"?><Bundle/>', "Bundle"),
        (_bundle("text"), "Bundle"),
        (_bundle('<x xmlns="urn:other"/>'), "Bundle"),
        (_bundle("<entry><resource/></entry>"), "Bundle.entry[0].resource"),
        (_bundle("<entry><resource><Nobody/></resource></entry>"), "Bundle.entry[0].resource"),
        (
            _bundle('<entry><resource><HumanName><family value="x"/></HumanName></resource></entry>'),
            "Bundle.entry[0].resource",
        ),
        (_patient(""), "Bundle.entry[0].resource"),
        (_patient("<gender/>"), "Bundle.entry[0].resource.gender"),
        (_patient("<gender>female</gender>"), "Bundle.entry[0].resource.gender"),
        (_patient('<gender value="female"/><gender value="male"/>'), "Bundle.entry[0].resource.gender"),
        (_patient('<gender value="female" more="x"/>'), "Bundle.entry[0].resource.gender"),
        (_patient('<active value="perhaps"/>'), "Bundle.entry[0].resource.active"),
        (_patient('<birthDate value="12 June"/>'), "Bundle.entry[0].resource.birthDate"),
        (_patient("<name/>"), "Bundle.entry[0].resource.name[0]"),
        (
            _bundle("<entry><resource><Observation><id value='a'/></Observation></resource></entry>"),
            "Bundle.entry[0].resource",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(body, path):
    assert _problem(body).path.startswith(path)


@pytest.mark.parametrize(
    "body",
    [
        _patient(f"<{'n' + CANARY}/>"),
        _patient(f'<active value="{CANARY}"/>'),
        _patient(f'<birthDate value="{CANARY}"/>'),
        _patient(f'<gender a{CANARY}="x" value="female"/>'),
        _bundle(f"<entry><resource><R{CANARY}/></resource></entry>"),
        _bundle(f"<type value='{CANARY}'/><type value='{CANARY}'/>"),
        f"<{'b' + CANARY}>".encode(),
    ],
)
def test_problems_never_repeat_what_came_in(body):
    found = read(body)
    assert isinstance(found, tuple)
    assert CANARY not in repr(found)
