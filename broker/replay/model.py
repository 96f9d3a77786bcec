"""What a scenario file says: people, homes, and what happened when. Its JSON Schema is made from here.

What the keys mean is told with examples in `docs/scenarios.md`; how a file is read, and refused by line and key, stands in `reading.py`.
"""

from typing import Annotated, Any, Final

from pydantic import Discriminator, Field, Tag, model_validator

from broker.domain.answers import DiscussionOutcome, Move
from broker.replay.expects import Expect, TaskPattern
from broker.replay.forms import Cites, Day, Entry, FactEntry, Moment, Name, Names, Somebody, exactly_one
from schemas.codes import CANONICAL, Event, Function, LawfulBasis, Priority, ResponseReason


class Home(Entry):
    """An address where people of the story live."""

    address: tuple[str, ...]
    postcode: str
    since: Day | None = None


class Moved(Entry):
    """A move to another home."""

    to: Name
    since: Day


class Person(Entry):
    """Somebody of the story. Before the day of birth they are named as an unborn child, with the expected date."""

    name: str | None = None
    born: Day | None = None
    expected: Day | None = None
    died: Day | None = None
    birth_order: int | None = None
    sex: str | None = None
    nhs_number: str | None = None
    case_number: str | None = None
    """Of probation (CRN)."""
    numbers: dict[str, str] = Field(default_factory=dict)
    """An agency's own: agency → number."""
    practice: Name | None = None
    """The general practice's team."""
    home: Name | None = None
    moves: tuple[Moved, ...] = ()
    """Later homes, in the order of their days."""
    mother: Names = ()
    father: Names = ()
    parent: Names = ()
    partner: Names = ()
    grandparent: Names = ()
    sibling: Names = ()
    carer: Names = ()


class Members(Entry):
    """Who lives together, as the sender says."""

    lives: tuple[Name, ...] = ()
    shared_care: tuple[Name, ...] = ()
    will_live: tuple[Name, ...] = ()
    left: tuple[Name, ...] = ()
    since: Day | None = None
    until: Day | None = None
    """When those who left did."""


# --- what happens -------------------------------------------------------------------------------------------------


class _Step(Entry):
    """What every step has."""

    id: Name | None = None
    at: Moment
    cites: tuple[Cites, ...] | Cites = ()
    date_chosen: bool = False
    """The source is silent on the date; this one was chosen."""
    what: str = ""
    """What happened, for people."""
    expect: tuple[Expect, ...] = ()


class Sends(_Step):
    """A team's system sends a message."""

    team: Name
    sends: Event
    kind: str | None = None
    about: Names = ()
    with_: Names = ()
    """Who else is named."""
    home: Name | None = None
    """Where those whom the message is about live, as this team has it; without it, at home as their entries say."""
    household: Members | None = None
    facts: dict[str, FactEntry] = Field(default_factory=dict)
    to: Names = ()
    answering: Name | None = None
    """The step whose message this one answers, replaces or withdraws."""
    by: Somebody | None = None
    priority: Priority = Priority.ROUTINE
    basis: LawfulBasis = LawfulBasis.CHILDREN_ACT_2004_S16LA
    labels: tuple[str, ...] = ()
    happened: Moment | None = None
    """When it happened, if the message comes later."""


class Native(_Step):
    """A team's system sends an event in its own format."""

    team: Name
    native: str
    """Kind of the adapter, as in `POST /adapters/{kind}/events`."""
    file: str | None = None
    """Beside the scenario."""
    inline: str | None = None
    type: str = "application/json"

    @model_validator(mode="after")
    def _one(self) -> "Native":
        exactly_one(self, ("file", "inline"))
        return self


class Action(Entry):
    """Something the answering team will do."""

    action: str
    owner: Somebody | None = None
    due: Moment | None = None


class Conversation(Entry):
    """A conversation that was held."""

    with_: str
    at: Moment | None = None
    """Without it, when the step is done."""


class Discussion(Conversation):
    """A discussion with the safeguarding lead and what it came to."""

    outcome: DiscussionOutcome
    because: str | None = None


class Answers(_Step):
    """A practitioner of a team answers a task."""

    team: Name
    answers: TaskPattern
    """Which of its open tasks; exactly one must fit, unless `each`."""
    each: bool = False
    """Every open task that fits is answered alike; there must be one."""
    move: Move
    by: Somebody
    meaning: str | None = None
    actions: tuple[Action, ...] = ()
    conversation: Conversation | None = None
    discussion: Discussion | None = None
    reason: ResponseReason | None = None
    text: str | None = None
    """The question, the answer, the note, the reason in words."""
    choice: str | None = None
    """One of those that the task lists; a person of the file is chosen by name."""
    release_to: tuple[Function, ...] = ()
    """The functions that may be told what was held; none is a refusal, with its reason in `text`."""
    to: Name | None = None
    """Whom it is reassigned to."""
    due: Moment | None = None
    """When it is extended to, or reviewed."""


class Silence(_Step):
    """Nobody does anything; what should have been done is said for people."""

    silence: str


class Down(_Step):
    """A team's system takes no messages for a time."""

    down: Name
    until: Moment


class Closes(_Step):
    """A team closes; nothing is routed to it any more."""

    closes: Name


class Leaves(_Step):
    """Somebody of a team works there no more; what they held is the team's, and nobody's of it until somebody takes it."""

    team: Name
    leaves: Somebody


KINDS_OF_STEP: Final[dict[str, type[_Step]]] = {
    "sends": Sends,
    "native": Native,
    "answers": Answers,
    "silence": Silence,
    "down": Down,
    "closes": Closes,
    "leaves": Leaves,
}


def _kind(step: Any) -> str | None:  # noqa: ANN401 - whatever YAML holds, or a step that is made already
    for name, model in KINDS_OF_STEP.items():
        if isinstance(step, model) or (isinstance(step, dict) and name in step):
            return name
    return None


Step = Annotated[
    Annotated[Sends, Tag("sends")]
    | Annotated[Native, Tag("native")]
    | Annotated[Answers, Tag("answers")]
    | Annotated[Silence, Tag("silence")]
    | Annotated[Down, Tag("down")]
    | Annotated[Closes, Tag("closes")]
    | Annotated[Leaves, Tag("leaves")],
    Discriminator(
        _kind,
        custom_error_type="step_kind",
        custom_error_message=f"must say one of {', '.join(KINDS_OF_STEP)}",
    ),
]


class Scenario(Entry):
    """One story."""

    title: str
    about: str = ""
    directory: str = "demo"
    """A directory file beside the scenario; `demo` is the demonstration's."""
    homes: dict[Name, Home] = Field(default_factory=dict)
    people: dict[Name, Person]
    timeline: tuple[Step, ...] = Field(min_length=1)
    throughout: tuple[Expect, ...] = ()
    """What is expected of the whole story, judged at its last step: above all what never happens."""


SCHEMA_ID: Final = f"{CANONICAL}/scenario.schema.json"


def schema() -> dict[str, Any]:
    """The JSON Schema of a scenario file, as `baton scenario schema` prints it."""
    made = Scenario.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID} | made
