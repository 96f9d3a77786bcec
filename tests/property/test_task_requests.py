"""Whatever a caller sends about a task is read, or refused by location and reason: never an error of ours, never an echo."""

from hypothesis import given, settings
from hypothesis import strategies as st

from broker.domain.answers import MoveRequest
from broker.errors import BatonError, Conflict, Invalid, Unreadable
from broker.storage.keyset import position
from broker.storage.task_search import SortBy, TaskQuery
from broker.web.api import task_parts, task_query, task_update
from schemas.identifiers import TEAM
from schemas.structure import check_resource

CANARY = "Bluebell-Testerly"
TEXT = st.sampled_from([CANARY, " ", "30002", "health-visitor", "2026-02-30", "midwifery"])
DATE = st.sampled_from(["2026-03-09", "2026-03", "2026", "9999-12-31", "0001-01-01"])
TIME = st.sampled_from(
    [
        "2026-03-09T12:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-03-09T12:00:00.123456789+01:00",
    ]
)
REFERENCE = st.sampled_from(
    [
        {"display": CANARY},
        {"reference": "Practitioner/1"},
        {"identifier": {"system": TEAM, "value": CANARY}},
        {"identifier": {}},
    ]
)
VALUE = st.one_of(
    st.builds(lambda text: {"valueString": text}, TEXT),
    st.builds(lambda text: {"valueCode": text}, TEXT),
    st.builds(lambda date: {"valueDate": date}, DATE),
    st.builds(lambda at: {"valueDateTime": at}, DATE | TIME),
    st.builds(lambda at: {"valueInstant": at}, TIME),
    st.builds(lambda to: {"valueReference": to}, REFERENCE),
    st.builds(lambda code: {"valueCoding": {"code": code}}, TEXT),
    st.builds(lambda code: {"valueCodeableConcept": {"coding": [{"code": code}]}}, TEXT),
    st.just({"valueBoolean": True}),
    st.just({"_valueString": {"extension": [{"url": "x", "valueCode": "y"}]}}),
    st.just({}),
)
NAMES = sorted({part.name for parts in task_parts.PARTS.values() for part in parts})
INNER = sorted({inner.name for parts in task_parts.PARTS.values() for part in parts for inner in part.parts})
PART = st.builds(lambda name, value: {"name": name, **value}, st.sampled_from([*INNER, CANARY]), VALUE)
PARAMETER = st.builds(
    lambda name, value, parts: {"name": name, **value, **({"part": parts} if parts else {})},
    st.sampled_from([*NAMES, CANARY]),
    VALUE,
    st.lists(PART, max_size=4),
)


def result_of(read, *arguments):
    """What was read, or how it was refused; anything else that is raised is an error of ours."""
    try:
        return read(*arguments)
    except (Invalid, Unreadable, Conflict) as refused:
        return refused


def silent(error: BatonError) -> bool:
    """Nothing that came in stands in the refusal."""
    said = [str(error), *(f"{problem.path} {problem.reason}" for problem in error.problems)]
    return not any(CANARY in text for text in said)


@given(st.sampled_from(sorted(task_parts.PARTS)), st.lists(PARAMETER, max_size=5))
@settings(max_examples=400, deadline=None)
def test_parameters(move, parameters):
    body = {"resourceType": "Parameters", **({"parameter": parameters} if parameters else {})}
    if check_resource(body):
        return
    read = result_of(task_parts.read, move, body, None)
    if isinstance(read, MoveRequest):
        assert read.fingerprint("a-team") == task_parts.read(move, body, 7).fingerprint("a-team")
    else:
        assert read.problems
        assert silent(read)


NAME = st.sampled_from([*task_query.KNOWN, CANARY])
SAID = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["requested", "acknowledge,release", "ge2026", "lt0001", "gt9999", "eq2026-03-09T25:00", "-due", "count", "0"]
    ),
    st.builds(lambda a, b: a + b, st.sampled_from(["", "eq", "ge", "gt", "le", "lt", "ne"]), DATE | TIME),
)


@given(st.lists(st.tuples(NAME, SAID), max_size=4))
@settings(max_examples=400, deadline=None)
def test_queries(pairs):
    read = result_of(task_query.read, pairs)
    if isinstance(read, tuple):
        assert isinstance(read[0], TaskQuery)
        assert 1 <= read[0].count <= task_query.MOST
    else:
        assert read.problems
        assert silent(read)


@given(st.text(max_size=60))
def test_positions(text):
    assert position(text, SortBy.DUE, descending=False) is None


STORED = {
    "resourceType": "Task",
    "id": "1",
    "status": "received",
    "intent": "order",
    "code": {"coding": [{"system": "s", "code": "acknowledge"}]},
    "authoredOn": "2026-03-02T12:00:00Z",
    "owner": {"type": "Organization", "identifier": {"system": TEAM, "value": "swbh-midwifery"}},
    "note": [{"authorString": "Nora Nurse, health-visitor", "time": "2026-03-02T12:00:00Z", "text": "Rang."}],
}
NOTE = st.builds(
    lambda author, text: {**author, "text": text},
    st.sampled_from(
        [{}, {"authorString": CANARY}, {"authorString": f"{CANARY}, midwife"}, {"authorReference": {"display": ","}}]
    ),
    TEXT,
)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(
            ["draft", "requested", "received", "accepted", "rejected", "ready", "cancelled", "in-progress", "on-hold", "failed", "completed"]
        ),
        "statusReason": st.builds(
            lambda code: {"coding": [{"system": "https://fhir.nhs.uk/STU3/CodeSystem/ITK-ResponseCode-1", "code": code}]}, TEXT
        ),
        "owner": st.sampled_from([{"display": CANARY}, {"identifier": {"system": TEAM}}, {"identifier": {"system": TEAM, "value": CANARY}}]),
        "note": st.lists(NOTE, min_size=1, max_size=2),
        "description": st.just(CANARY),
        "authoredOn": DATE | TIME,
        "lastModified": TIME,
    },
)  # fmt: skip


@given(CHANGES, st.sets(st.sampled_from(sorted(STORED.keys() - {"resourceType", "id", "status", "intent"}))))
@settings(max_examples=400, deadline=None)
def test_updates(changes, left_out):
    given_task = {name: value for name, value in {**STORED, **changes}.items() if name not in left_out - changes.keys()}
    if check_resource(given_task):
        return
    read = result_of(task_update.read, given_task, STORED, 3, ["open"])
    if isinstance(read, BatonError):
        assert silent(read)
    else:
        assert read is None or read.expected_version == 3
