"""What holds for every call whatever it does: ids, headers, methods, media types, limits, and how a refusal looks."""

import re

import pytest

from broker.storage.tables import Notification
from tests.contract.calling import FHIR, Broker, issues, message

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CALLS = [
    ("GET", "/fhir/metadata", 200),
    ("GET", "/healthz", 200),
    ("GET", "/nowhere", 404),
    ("GET", "/fhir/Task", 401),
    ("DELETE", "/fhir/metadata", 405),
    ("POST", "/fhir/$process-message", 401),
]
MESSAGE = "/fhir/$process-message"


def kept(broker: Broker) -> set[str]:
    return broker.ids(Notification)


# --- ids and headers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path", "status"), CALLS)
def test_every_answer_has_ids_and_keeps_browsers_out(shared_broker: Broker, method, path, status):
    answer = shared_broker.http.request(method, path)
    assert answer.status_code == status
    assert UUID.fullmatch(answer.headers["x-request-id"])
    assert answer.headers["x-correlation-id"] == answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert not {"server", "x-powered-by", "access-control-allow-origin"} & set(answer.headers)


@pytest.mark.parametrize(("method", "path", "status"), CALLS)
def test_ids_of_the_caller_are_echoed(shared_broker: Broker, method, path, status):
    sent = {"X-Request-ID": "req-1", "X-Correlation-ID": "case.7_b", "traceparent": TRACE}
    answer = shared_broker.http.request(method, path, headers=sent)
    assert {name: answer.headers[name] for name in sent} == sent


@pytest.mark.parametrize("id_", ["", "a b", "x" * 65, "<script>", "a\tb", "naïve".encode(), "9990000018"])
def test_what_is_no_id_is_replaced_and_not_echoed(shared_broker: Broker, id_):
    answer = shared_broker.http.get("/healthz", headers={"X-Request-ID": id_, "X-Correlation-ID": id_})
    assert UUID.fullmatch(answer.headers["x-request-id"])
    assert UUID.fullmatch(answer.headers["x-correlation-id"])


@pytest.mark.parametrize(
    "trace", ["", "00-1-2-3", "00-" + "0" * 32 + "-b7ad6b7169203331-01", TRACE.upper(), f"ff{TRACE[2:]}", TRACE + "-x"]
)
def test_what_is_no_trace_is_not_honoured(shared_broker: Broker, trace):
    assert "traceparent" not in shared_broker.http.get("/healthz", headers={"traceparent": trace}).headers


def test_over_https_browsers_are_told_to_stay_there(broker: Broker):
    assert "strict-transport-security" not in broker.http.get("/healthz").headers
    broker.runtime.settings = broker.runtime.settings.model_copy(update={"public_url": "https://baton.example"})
    assert "max-age=31536000" in broker.http.get("/healthz").headers["strict-transport-security"]


# --- addresses and methods -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/fhir",
        "/fhir/",
        "/fhir/metadata/",
        "/fhir/Patient",
        "/fhir/Patient/1",
        "/fhir/Task/../../etc/passwd",
        "/admin",
        "/docs",
        "/redoc",
        "/fhir/CodeSystem/nothing",
        "/fhir/$unknown",
        "/adapters//events",
        "/%00",
        "/%ff",
    ],
)
def test_there_is_nothing_elsewhere(shared_broker: Broker, path):
    answer = shared_broker.http.get(path, follow_redirects=False)
    assert answer.status_code == 404
    assert issues(answer)[0]["code"] == "not-found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/fhir/Task/1", {"GET", "PUT", "HEAD"}),
        ("GET", MESSAGE, None),
        ("PUT", "/fhir/metadata", {"GET", "HEAD"}),
        ("PATCH", "/mailbox/inbox", {"GET", "HEAD"}),
        ("GET", "/oauth2/token", {"POST"}),
        ("POST", "/admin/teams/x", {"PUT"}),
        ("TRACE", "/healthz", {"GET", "HEAD"}),
    ],
)
def test_a_method_that_an_address_does_not_take_is_405_with_those_it_takes(
    shared_broker: Broker, method, path, allowed
):
    answer = shared_broker.http.request(method, path)
    if allowed is None:  # /fhir/{type}/{id} does not reach it: one step, so there is nothing to get
        allowed = {"POST"}
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == allowed | {"OPTIONS"}
    assert issues(answer)[0]["code"] == "not-supported"


def test_head_is_get_without_the_body(shared_broker: Broker):
    for path in ("/fhir/metadata", "/healthz", "/fhir/CodeSystem/message-event", "/nowhere"):
        get, head = shared_broker.http.get(path), shared_broker.http.head(path)
        assert (head.status_code, head.content) == (get.status_code, b"")
        assert head.headers["content-type"] == get.headers["content-type"]
        assert head.headers["content-length"] == get.headers["content-length"]
    assert shared_broker.http.head("/fhir/Task").status_code == 401
    assert shared_broker.http.head(MESSAGE).status_code == 405


def test_options_says_what_an_address_takes_and_opens_nothing_to_browsers(shared_broker: Broker):
    answer = shared_broker.http.options(
        "/fhir/Task/1", headers={"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "PUT"}
    )
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == "GET, PUT, HEAD, OPTIONS"
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert shared_broker.http.options("/nowhere").status_code == 404


# --- media types ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "accept",
    [
        "application/fhir+xml",
        "text/html",
        "application/xml, text/*;q=0.5",
        "application/fhir+json;q=0",
        "image/png",
        "application/fhir+json; fhirVersion=3.0",
        "application/*;q=0.000",
    ],
)
@pytest.mark.parametrize("path", ["/fhir/metadata", "/fhir/Task", "/fhir/CodeSystem/message-event"])
def test_another_format_than_json_is_406(shared_broker: Broker, accept, path):
    answer = shared_broker.http.get(path, headers={"Accept": accept})
    assert answer.status_code == 406
    assert issues(answer)[0]["code"] == "not-supported"


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/fhir+json",
        "application/json",
        "application/*",
        "text/html, application/fhir+json;q=0.1",
        "application/fhir+xml;q=1.0, application/fhir+json;q=1.0",
        "Application/FHIR+JSON; fhirVersion=4.0",
        "",
    ],
)
def test_json_is_answered_to_whoever_takes_it(shared_broker: Broker, accept):
    answer = shared_broker.http.get("/fhir/metadata", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/fhir+json"


def test_format_goes_before_accept(shared_broker: Broker):
    html = {"Accept": "text/html"}
    for wanted in ("json", "application/json", "application/fhir+json", "application/fhir%2Bjson"):
        assert shared_broker.http.get(f"/fhir/metadata?_format={wanted}", headers=html).status_code == 200
    for other in ("xml", "application/fhir+xml", "ttl", "html", ""):
        assert shared_broker.http.get(f"/fhir/metadata?_format={other}").status_code == 406


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/xml",
        "application/fhir+xml",
        "multipart/form-data; boundary=x",
        "",
        "nonsense",
        ";",
        "application/fhir+json; charset=iso-8859-1",
        "application/json; charset=utf-16",
        "text/json",
        "application/fhir+json; fhirVersion=3.0",
    ],
)
def test_a_message_of_another_media_type_is_415_and_not_kept(shared_broker: Broker, content_type):
    before = kept(shared_broker)
    answer = shared_broker.post(message(), **{"Content-Type": content_type})
    assert answer.status_code == 415
    assert issues(answer)[0]["code"] == "not-supported"
    assert kept(shared_broker) == before


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/fhir+json; charset=UTF-8", 'APPLICATION/FHIR+JSON;fhirVersion="4.0"'],
)
def test_json_by_any_of_its_names_is_read(shared_broker: Broker, content_type):
    assert shared_broker.post(message(), **{"Content-Type": content_type}).status_code == 200


# --- limits --------------------------------------------------------------------------------------------------------

TARGETS = [
    ("POST", MESSAGE, FHIR),
    ("POST", "/adapters/probation/events", {"Content-Type": "application/json"}),
    ("POST", "/oauth2/token", {"Content-Type": "application/x-www-form-urlencoded"}),
    ("POST", "/fhir/Patient/_search", {"Content-Type": "application/x-www-form-urlencoded"}),
    ("POST", "/fhir/Task/_search", {"Content-Type": "application/x-www-form-urlencoded"}),
    ("PUT", "/fhir/Task/1", FHIR),
    ("PUT", "/admin/agencies/x", {"Content-Type": "application/json"}),
    ("POST", "/oauth2/token", {"Content-Type": "multipart/form-data; boundary=x"}),
]


@pytest.mark.parametrize(("method", "path", "headers"), TARGETS)
def test_a_body_beyond_the_limit_is_413_whether_or_not_it_says_how_long_it_is(
    shared_broker: Broker, method, path, headers
):
    limit, before = shared_broker.runtime.settings.max_body_bytes, kept(shared_broker)
    chunk = b"a" * 65_536

    def chunks():
        for _ in range(2 * limit // len(chunk)):
            yield chunk

    declared = shared_broker.call(method, path, headers=headers, content=b"a" * 2 * limit, scopes=SCOPES)
    chunked = shared_broker.call(method, path, headers=headers, content=chunks(), scopes=SCOPES)
    for answer in (declared, chunked):
        assert answer.status_code == 413
        assert issues(answer) == [
            {"severity": "error", "code": "too-long", "diagnostics": f"The body may have at most {limit} bytes."}
        ]
        assert answer.headers["x-request-id"]
    assert kept(shared_broker) == before


SCOPES = ("baton/message.write", "baton/admin", "system/Task.rs", "system/Task.u", "system/Patient.s")


@pytest.mark.parametrize("length", ["-1", "1e3", "abc", "1 2", "+5", "0x10", "٣".encode(), "9" * 5000])
def test_a_length_that_is_none_is_refused_before_anything_is_read(shared_broker: Broker, length):
    answer = shared_broker.http.post(MESSAGE, content=b"{}", headers=FHIR | {"Content-Length": length})
    assert answer.status_code == (413 if length == "9" * 5000 else 400)
    assert issues(answer)


def test_what_lies_within_the_limit_is_read_to_the_last_byte(shared_broker: Broker):
    limit = shared_broker.runtime.settings.max_body_bytes
    answer = shared_broker.post(b" " * (limit - 2) + b"{}")
    assert answer.status_code == 400
    row = max(shared_broker.rows(Notification), key=lambda row: len(row.raw))
    assert len(shared_broker.raw(row)) == limit


def test_a_caller_without_a_token_cannot_make_the_broker_read_a_message(shared_broker: Broker):
    said = []

    async def receive():
        raise AssertionError("the body was asked for")

    async def send(part):
        said.append(part)

    scope = {
        "type": "http",
        "method": "POST",
        "path": MESSAGE,
        "query_string": b"",
        "headers": [],
        "http_version": "1.1",
    }
    shared_broker.http.portal.call(
        shared_broker.app, scope | {"scheme": "http", "raw_path": MESSAGE.encode()}, receive, send
    )
    assert said[0]["status"] == 401


# --- refusals ------------------------------------------------------------------------------------------------------

DEEP = b"[" * 100_000


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'"x"', b"\xef\xbb\xbf{}", DEEP, b"{}" * 2])
def test_a_body_of_administration_that_cannot_be_read_says_so_and_no_more(shared_broker: Broker, body):
    answer = shared_broker.call(
        "PUT", "/admin/agencies/x", content=body, headers={"Content-Type": "application/json"}, scopes=("baton/admin",)
    )
    assert answer.status_code in (400, 422)
    assert issues(answer)


def test_a_fault_of_ours_is_500_without_a_word_of_what_was_sent(shared_broker: Broker, capsys):
    def broken(work, **_):
        raise RuntimeError("Quillon Xanthe")

    shared_broker.headers()
    write, shared_broker.runtime.store.write = shared_broker.runtime.store.write, broken
    try:
        answer = shared_broker.post(message())
    finally:
        shared_broker.runtime.store.write = write
    assert answer.status_code == 500
    assert issues(answer)[0]["code"] == "exception"
    assert "Quillon" not in answer.text
    assert answer.headers["x-request-id"]
    assert answer.headers["content-security-policy"]
