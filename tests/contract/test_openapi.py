"""The description of the calls, tried by a machine: whatever it lets somebody send is answered as it says, and never with a fault."""

import re
from collections.abc import Iterator
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from broker.main import create_app
from broker.runtime import Runtime
from broker.workflow import watchdog
from tests.contract.calling import ADMIN_SCOPES, TEAM_SCOPES, VISITORS, Broker, message

EXAMPLES, OF_A_MOVE = 5, 2
"""Of each call as it should be, and as many with something wrong on purpose; the moves of a task are read by the same code."""
CHECKED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "missing_required_header",
)
QUICK = settings(
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


DOCUMENT = create_app(cast(Runtime, None), worker=False).openapi()
CALLS = [(path, method) for path, operations in DOCUMENT["paths"].items() for method in operations]
DESCRIBED = schemathesis.openapi.from_dict(DOCUMENT)


@pytest.fixture(scope="module")
def filled(shared_broker: Broker) -> Broker:
    """A broker that has something to find."""
    assert shared_broker.post(message()).status_code == 200
    runtime = shared_broker.runtime
    runtime.store.write(lambda session: watchdog.watch(session, runtime.context(session), runtime.now()))
    return shared_broker


def test_the_document_is_served_as_it_is_tried_here(shared_broker):
    assert shared_broker.http.get("/openapi.json").json() == DOCUMENT


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize(("path", "method"), CALLS)
def test_a_call_is_answered_as_the_document_says(filled, path, method, mode):
    operation = DESCRIBED[path][method]
    administrative = path.startswith(("/admin", "/audit", "/reports/timeliness"))
    team, scopes = (None, ADMIN_SCOPES) if administrative else (VISITORS, TEAM_SCOPES)

    @settings(QUICK, max_examples=OF_A_MOVE if "/$" in path and "{" in path else EXAMPLES)
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case: Any) -> None:
        tried(filled, case, team, scopes)

    try:
        call()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # a call without parameters can hardly be wrong


def tried(broker: Broker, case: Any, team: str | None, scopes: tuple[str, ...]) -> None:
    request = case.as_transport_kwargs(base_url="http://testserver")
    request["headers"] = {**request["headers"], **broker.headers(team, scopes)}
    request.pop("cookies", None)
    answer = broker.http.request(**request)
    case.validate_response(answer, checks=CHECKS.get_by_names(list(CHECKED)))
    if answer.status_code >= 400:
        assert not [text for text in sent(case) if text in answer.text]


def sent(case: Any) -> Iterator[str]:
    """Texts that a caller made up, of a length that does not stand in an answer by chance."""
    waiting = [case.body, case.query, case.path_parameters]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str) and len(value) > 5 and not KNOWN.search(value):
            yield value


KNOWN = re.compile(r"^[a-zA-Z:_ -]+$|fhir\.baton\.example")
"""Words that the answers use themselves: names of fields, of types, of codes."""
