"""One invented person is sent through every call of a real server process and then looked for wherever nobody may find her (T7)."""

import json
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from schemas.identifiers import NHS_NUMBER, synthetic_nhs_number
from tests.contract.calling import FHIR, MIDWIVES, VISITORS, message
from tests.contract.server import Server, serving

FAMILY, GIVEN, STREET, POSTCODE = "Quillonsworth", "Xanthippe", "77 Zephyrine Passage", "B17 9ZQ"
NUMBER = synthetic_nhs_number(4711)
CANARY = (
    FAMILY,
    GIVEN,
    STREET,
    "Zephyrine",
    POSTCODE,
    NUMBER,
    quote(STREET),
    f"{NUMBER[:3]} {NUMBER[3:6]} {NUMBER[6:]}",
)
WRITTEN = (FAMILY, STREET, NUMBER)
"""What stands in addresses, headers and forms."""


def with_the_canary(name: str) -> str:
    """A golden example in which the first child or mother is the canary."""
    text = json.dumps(message(name))
    for old, new in (("Hartley", FAMILY), ("Ava", GIVEN), ("14 Clent View Road", STREET), ("B17 0HG", POSTCODE)):
        text = text.replace(old, new)
    return text.replace("9990000409", NUMBER)


def spoilt() -> list[str]:
    """The same in forms that are refused for different reasons."""
    text = with_the_canary("birth")
    return [
        text[:-200],
        text.replace('"message"', f'"{FAMILY}"'),
        text.replace('"birthDate"', f'"{GIVEN}"'),
        text.replace(f'"{FAMILY}"', f'{{"{FAMILY}": "{NUMBER}"}}'),
        text.replace('"eventCoding"', '"eventUri"'),
        text.replace('"code": "birth"', f'"code": "{FAMILY}"'),
        text.replace('"female"', f'"{GIVEN}"'),
        text.replace('"reference": "urn:uuid:', f'"reference": "urn:uuid:{NUMBER}'),
        text.replace('"valueDateTime": "', f'"valueDateTime": "{FAMILY}'),
        text.replace('"timestamp"', f'"{FAMILY}"'),
    ]


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[httpx.Response], str]:
    """The answers to all of it, and what the process wrote."""
    with serving(tmp_path_factory.mktemp("canary"), MIDWIVES, VISITORS, "-") as server:
        answers = list(everything(server))
    return answers, Path(server.output).read_text()


def everything(server: Server):
    own, other, admin = (server.headers(name) for name in (MIDWIVES, VISITORS, "-"))
    with httpx.Client(base_url=server.url, timeout=30) as http:
        for text in (with_the_canary("birth"), *spoilt()):
            yield http.post("/fhir/$process-message", content=text.encode(), headers=own | FHIR)
            yield http.post("/fhir/$process-message", content=text.encode(), headers=other | FHIR)
            yield http.post("/fhir/$process-message", content=text.encode(), headers=FHIR)
        for kind in ("midwifery", "probation", "gp", FAMILY):
            for media in ("application/json", "application/fhir+xml"):
                body = with_the_canary("birth").encode()
                yield http.post(f"/adapters/{kind}/events", content=body, headers=own | {"Content-Type": media})
        for text in WRITTEN:
            yield http.post("/fhir/Patient/_search", data={"identifier": f"{NHS_NUMBER}|{text}"}, headers=other)
            yield http.post("/fhir/Patient/_search", data={text: text}, headers=other)
            yield http.post("/fhir/Patient/_search", params={"identifier": text}, headers=own)
            yield http.post("/oauth2/token", data={"grant_type": text, "client_assertion": f"{text}.{text}.{text}"})
            yield http.put(f"/admin/agencies/{quote(text)}", json={text: text, "name": [text]}, headers=admin)
            yield http.put(
                f"/admin/clients/{quote(text)}", json={"jwks": {"keys": [text]}, "scopes": [text]}, headers=admin
            )
            for path in ("", "/fhir/Task", "/fhir", "/households", "/mailbox/inbox", "/fhir/CodeSystem", "/broken"):
                yield http.get(f"{path}/{quote(text)}", headers=own | {"X-Request-ID": NUMBER, "Cookie": text})
            yield http.get("/fhir/Task", params={"patient": text, "status": text, text: text}, headers=own)
            yield http.get("/fhir/Task", headers={"Authorization": f"Bearer {quote(text)}", "X-Correlation-ID": NUMBER})
        yield http.get("/metrics")


def test_the_canary_was_taken_in(heard):
    """Else nothing below shows anything."""
    answers, _ = heard
    statuses = {answer.status_code for answer in answers}
    assert {200, 400, 401, 403, 404, 422, 500} <= statuses
    assert answers[0].status_code == 200, answers[0].text


def test_no_answer_quotes_her(heard):
    answers, _ = heard
    for answer in answers:
        said = answer.text + str(answer.headers)
        assert not [text for text in CANARY if text in said], f"{answer.request.method} {answer.status_code}"


def test_no_log_line_names_her(heard):
    _, written = heard
    assert not [text for text in CANARY if text in written]
    assert "Traceback" not in written


def test_the_log_is_one_line_of_json_a_request_with_its_ids(heard):
    answers, written = heard
    lines = [json.loads(line) for line in written.splitlines()]
    ours = {answer.headers["x-request-id"] for answer in answers}  # a port may be called by who had it before
    requests = [line for line in lines if line["event"] == "request" and line["x_request_id"] in ours]
    assert len(requests) == len(answers)
    assert all(
        {"route", "method", "status", "milliseconds", "x_request_id", "x_correlation_id"} <= set(line)
        for line in requests
    )
    faults = [line for line in lines if line["event"] == "unexpected"]
    assert {(line["error_type"], line["level"]) for line in faults} == {("ValueError", "error")}
    assert len(faults) == len(WRITTEN)
