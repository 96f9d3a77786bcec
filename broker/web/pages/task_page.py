"""What the page of a task shows, made of what its reader may know; pure, and without markup."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from broker.domain.answers import Move
from broker.domain.sight import CHILDHOOD_DAYS
from broker.domain.states import DeliveryState
from broker.domain.world import Directory
from broker.storage.task_values import Content, Who
from broker.web.api.chronology_shown import MISSED, GapShown, gaps_shown
from broker.web.pages import words
from broker.web.pages.task_words import ASKS, Tag, due_at, standing, tags, what, who
from broker.workflow import break_glass
from broker.workflow.chronology import Line
from broker.workflow.inbox import Item
from broker.workflow.summary import fact_words
from broker.workflow.task_view import Home, LastSeen, Recipient, TaskView
from schemas.codes import Priority, ResponseReason, Standing, TaskCode
from schemas.events import FACTS, SPECS
from schemas.message import Fact, Message, Person

SHOWN_LINES: Final = 12
"""Events beside a task; the rest is on the household's own page."""

MOVE_WORDS: Final[dict[Move, str]] = {
    Move.ACCEPT: "Acknowledge",
    Move.COMPLETE: "Close it",
    Move.ANSWER: "Answer the question",
    Move.ASK: "Ask a question",
    Move.DECLINE: "Decline",
    Move.EXTEND: "Take more time",
    Move.REASSIGN: "Give it to somebody else",
    Move.CARETAKE: "Look after until a review",
    Move.EXCLUDE: "Leave out",
    Move.CANCEL: "Take it back",
    Move.NOTE: "Add a note",
}
"""The moves that a page offers, the usual ones first."""
_IN_ITS_PLACE: Final[dict[Move, str]] = {
    Move.COMPLETE: "Close it after a discussion",
    Move.EXTEND: "Give the team more time",
    Move.REASSIGN: "Take it over, or give it to another team",
}
"""The same by a lead, of what is another team's."""


def move_words(move: Move, *, own: bool) -> str:
    """A move in words; `own`: by the team whose task it is."""
    return MOVE_WORDS[move] if own else _IN_ITS_PLACE.get(move, MOVE_WORDS[move])


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A move that is open, as a link to its form."""

    href: str
    words: str
    first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One thing that was told."""

    name: str
    value: str
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A team that was told, and how it stands."""

    team: str
    telephone: str
    standing: str
    tags: tuple[Tag, ...]
    own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something that was said on a task, by whom and when."""

    heading: str
    text: str
    by: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody of a household."""

    name: str
    how_old: str
    lives: str
    teams: str
    seen: str
    never_seen: bool
    child: bool
    """Unborn ones are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """A line of a chronology."""

    at: datetime
    what: str
    sender: str
    here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeView:
    """A household beside a task."""

    id: str
    href: str
    members: tuple[Member, ...]
    whole: bool
    unknown: tuple[str, ...]
    """What nobody has said, and when nobody was seen."""
    lines: tuple[Happened, ...]
    more: bool
    """Whether more happened than stands here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A task beside others: an agreed action, a question or a line that belongs to one, an open one of a family. `who` does it, or is it about."""

    href: str
    asks: str
    who: str
    standing: str
    due: datetime | None
    tags: tuple[Tag, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPage:
    """The page."""

    id: str
    version: int
    heading: str
    asks: str
    what: str
    description: str
    standing: str
    due: datetime | None
    tags: tuple[Tag, ...]
    urgent: bool
    closed: bool
    withdrawn: bool
    owner: str
    owner_telephone: str
    """Where it is another team's than the reader's."""
    sender: str
    author: str
    occurred: datetime | None
    event_words: str
    said: tuple[Said, ...]
    marked: bool
    why: str
    missing: tuple[str, ...]
    emergency: tuple[str, ...]
    """Who read in an emergency, and why in their words."""
    told: tuple[Told, ...]
    remarks: tuple[Remark, ...]
    parts: tuple[Part, ...]
    homes: tuple[HomeView, ...]
    takes_back: str
    """The address of the form by which the reader's team takes back what it told; '' where it did not, or has."""
    telephones: tuple[tuple[str, str], ...]
    actions: tuple[Action, ...]
    milestones: tuple[tuple[str, datetime | None, str], ...]


def page_of(seen: TaskView, directory: Directory, now: datetime) -> TaskPage:
    """The page of a task."""
    item, message = seen.item, seen.message
    task = item.task
    about = what(message.event, message.kind) if message else what(item.event, item.kind)
    return TaskPage(
        id=task.row.id,
        version=task.row.version,
        heading=who(item.person, now) or about or ASKS[TaskCode(task.row.code)],
        asks=ASKS[TaskCode(task.row.code)],
        what=about,
        description=task.content.get("description", ""),
        standing=standing(task),
        due=due_at(task),
        tags=tags(task, now),
        urgent=task.row.priority is not Priority.ROUTINE,
        closed=seen.closed,
        withdrawn=seen.withdrawn,
        owner=seen.owner.name,
        owner_telephone="" if seen.own else seen.owner.telephone or "",
        sender=_sender(seen, directory),
        author=_author(message),
        occurred=message.occurred if message else None,
        event_words=SPECS[message.event].text if message else "",
        said=tuple(said_of(message)) if message else (),
        marked=message is not None and "NOPAT" in message.labels,
        why=seen.why or "",
        missing=_texts(task.content, "missing"),
        emergency=(*_texts(task.content, break_glass.WHO), *_texts(task.content, break_glass.WHY)),
        told=tuple(_told(one, seen, now) for one in seen.recipients),
        remarks=tuple(remarks(task.content)),
        parts=tuple(part_of(part, now) for part in seen.parts),
        homes=tuple(home_view(home, directory, message.id if message else None, now) for home in seen.homes),
        takes_back=f"/app/sent/{seen.told}/withdraw" if seen.told and not seen.withdrawn else "",
        telephones=tuple(
            (f"{one.team.name}{' (sent this)' if one.sender else ''}", one.team.telephone or "")
            for one in seen.telephones
        ),
        actions=tuple(_actions(seen)),
        milestones=tuple(_milestones(seen)),
    )


def _sender(seen: TaskView, directory: Directory) -> str:
    team = directory.teams.get((seen.message.sender if seen.message else None) or "") or seen.item.sender
    return team.name if team else ""


def _author(message: Message | None) -> str:
    if message is None or message.author is None:
        return ""
    return ", ".join(part for part in (message.author.name, words.plain(message.author.role or "")) if part)


def said_of(message: Message, person: str | None = None) -> Iterator[Said]:
    """What a message says; of one person alone when they are given."""
    names = {one.key: name_in(one) for one in message.people}
    for fact in message.facts:
        about = names.get(fact.about or "", "") if len(message.people) > 1 and person is None else ""
        if person is None or fact.about == person:
            yield Said(name=_fact_name(fact), value=_fact_value(fact), about=about)


_OR_FALSE: Final = ", or false"
"""Behind this the published text says what a system sends when there is nothing."""


def _fact_name(fact: Fact) -> str:
    spec = FACTS.get(fact.code)
    return spec.text.partition(_OR_FALSE)[0] if spec else words.title(fact.code)


def _fact_value(fact: Fact) -> str:
    spec = FACTS.get(fact.code)
    none = fact.value is False and spec is not None and _OR_FALSE in spec.text
    return "None known" if none else fact_words(fact)


def name_in(person: Person) -> str:
    """Somebody's name as a message has it."""
    name = " ".join((*person.given, person.family or "")).strip()
    return name or ("Unborn child" if person.unborn else "Name not known")


def _told(one: Recipient, seen: TaskView, now: datetime) -> Told:
    own = one.team.id == seen.owner.id and one.task is not None and one.task.row.id == seen.item.task.row.id
    return Told(
        team=one.team.name,
        telephone=one.team.telephone or "",
        standing=standing(one.task) if one.task is not None else _DELIVERY[one.state],
        tags=tuple(tag for tag in tags(one.task, now) if not tag.words.endswith("left")) if one.task else (),
        own=own,
    )


_DELIVERY: Final[dict[DeliveryState, str]] = {
    DeliveryState.WITHHELD: "Not told",
    DeliveryState.HELD: "Held until a safeguarding lead releases it",
    DeliveryState.READY: "For information, on its way",
    DeliveryState.SENDING: "For information, on its way",
    DeliveryState.SENT: "For information, on its way",
    DeliveryState.DELIVERED: "For information, delivered",
    DeliveryState.PARKED: "Could not be reached yet",
    DeliveryState.CANCELLED: "Withdrawn",
}


def _by(by: Who) -> str:
    return f"{by['name']}, {words.plain(by['role'])}"


def remarks(content: Content) -> Iterator[Remark]:
    """The conversation: questions and answers, what the answer says, notes; in the order in which they came."""
    found = [*_questions(content), *_answers(content), *_notes(content)]
    yield from sorted(found, key=lambda one: (one.at is not None, one.at or _EARLY))


_EARLY: Final = datetime.min.replace(tzinfo=UTC)


def _remark(heading: str, text: str, by: Who) -> Remark:
    return Remark(heading=heading, text=text, by=_by(by), at=datetime.fromisoformat(by["at"]))


def _questions(content: Content) -> Iterator[Remark]:
    for question in content.get("questions", ()):
        yield _remark("Question to the sender", question["text"], question["by"])
        if "answer" in question and "answered_by" in question:
            yield _remark("Answer of the sender", question["answer"], question["answered_by"])


def _answers(content: Content) -> Iterator[Remark]:
    by = content.get("answered") or content.get("closed")
    if by is None:
        return
    for name, heading in (("meaning", "What it means here"), ("because", "Why it was declined"), ("answer", "Answer")):
        text = content.get(name)
        if isinstance(text, str):
            yield _remark(heading, text, by)
    discussion = content.get("discussion")
    if discussion:
        said = f"{words.title(discussion['outcome'] or '')}. {discussion['because'] or ''} (with {discussion['with']})"
        yield _remark("Discussed", said, by)


def _notes(content: Content) -> Iterator[Remark]:
    for note in content.get("notes", ()):
        yield _remark("Note", note["text"], note["by"])
    if "caretaking" in content:
        yield _remark("Looked after until a review", content["caretaking"]["text"], content["caretaking"]["by"])
    if "exclusion" in content:
        left_out = content["exclusion"]
        yield _remark(f"To be left out: {reason_words(left_out['reason'])}", left_out["text"], left_out["by"])


def reason_words(code: str | None) -> str:
    """A coded reason in words."""
    return ResponseReason(code).name.replace("_", " ").capitalize() if code else ""


def _texts(content: Content, name: str) -> tuple[str, ...]:
    value = content.get("options", {}).get(name, ())
    return (value,) if isinstance(value, str) else tuple(value)


def part_of(item: Item, now: datetime) -> Part:
    """A part of a task."""
    return Part(
        href=f"/app/tasks/{item.task.row.id}",
        asks=ASKS[TaskCode(item.task.row.code)],
        who=item.task.content.get("description", "")
        if item.task.row.code == TaskCode.AGREED_ACTION
        else who(item.person, now),
        standing=standing(item.task) + (f" ({words.held(item.held_by)})" if item.held_by else ""),
        due=due_at(item.task),
        tags=tags(item.task, now),
    )


def _actions(seen: TaskView) -> Iterator[Action]:
    id_, code = seen.item.task.row.id, seen.item.task.row.code
    if code == TaskCode.TRANSFER:
        yield Action(href=f"/app/transfers/{id_}", words="Open the transfer, child by child", first=True)
    offered = [move for move in MOVE_WORDS if move in seen.allowed]
    for move in offered:
        first = seen.own and move is offered[0] and code != TaskCode.TRANSFER and move is not Move.NOTE
        yield Action(href=f"/app/tasks/{id_}/{move.value}", words=move_words(move, own=seen.own), first=first)


def _milestones(seen: TaskView) -> Iterator[tuple[str, datetime | None, str]]:
    """Sent, delivered, opened, answered: four facts with when, and who."""
    row, content = seen.item.task.row, seen.item.task.content
    yield "Sent", row.authored_at, ""
    yield "Delivered", row.delivered_at, ""
    yield "Opened", row.opened_at, _by(content["opened"]) if "opened" in content else ""
    yield "Answered", row.answered_at, _by(content["answered"]) if "answered" in content else ""
    if "closed" in content:
        yield "Closed by the lead", datetime.fromisoformat(content["closed"]["at"]), _by(content["closed"])


# --- the household ------------------------------------------------------------------------------------------------


def home_view(
    home: Home, directory: Directory, here: str | None, now: datetime, *, lines: int = SHOWN_LINES
) -> HomeView:
    """A household with who is in it and what happened. `here`: the message that the page is about."""
    shown = home.shown
    names = {member["person"]: member["name"] for member in shown["members"]}
    unknown = [_about(gap["text"], names.get(gap["person"] or "")) for gap in shown.get("gaps", ())]
    unknown += [_about(_gap(gap), names.get(gap.person)) for gap in gaps_shown(home.events, now) if gap.until is None]
    latest = home.events.lines[::-1]
    return HomeView(
        id=home.id,
        href=f"/app/households/{home.id}",
        members=tuple(_member(member, home, now) for member in shown["members"]),
        whole=shown["wholeHousehold"],
        unknown=tuple(dict.fromkeys(unknown)),
        lines=tuple(_happened(line, directory, here) for line in latest[:lines]),
        more=home.events.more or len(latest) > lines,
    )


def _gap(gap: GapShown) -> str:
    if gap.code == MISSED:
        return f"{words.plain(gap.rule)} was due by {words.day(gap.since)} and has not come"
    return f"no contact that your team may see since {words.day(gap.since)}"


def _about(text: str, name: str | None) -> str:
    return f"{name}: {text}" if name else text


def _member(member: Mapping[str, Any], home: Home, now: datetime) -> Member:
    seen = home.seen.get(member["person"])
    child = _is_child(member, now)
    return Member(
        name=member["name"] or ("Unborn child" if member["state"] == "unborn" else "Name not known"),
        how_old=_how_old(member, now),
        lives=_lives(member),
        teams=", ".join(
            f"{team['name']}{'' if team['confirmed'] else ' (not confirmed)'}"
            for team in home.shown["teams"]
            if team["person"] == member["person"]
        ),
        seen=_seen(seen, child=child),
        never_seen=seen is None and child,
        child=child,
    )


def _how_old(member: Mapping[str, Any], now: datetime) -> str:
    if member["expected"]:
        return f"expected {words.day(date.fromisoformat(member['expected']))}"
    return words.age(date.fromisoformat(member["born"]), now.date()) if member["born"] else "age not known"


def _lives(member: Mapping[str, Any]) -> str:
    where = "lives there" if member["standing"] == Standing.LIVES else words.plain(member["standing"])
    since, born = member["since"], member["born"]
    if since and born and since <= born:
        return f"{where} since birth"
    return f"{where} since {words.day(date.fromisoformat(since))}" if since else where


def _is_child(member: Mapping[str, Any], now: datetime) -> bool:
    born = member["born"]
    return member["expected"] is not None or (
        born is not None and (now.date() - date.fromisoformat(born)).days < CHILDHOOD_DAYS
    )


def _seen(seen: LastSeen | None, *, child: bool) -> str:
    """Of adults too where somebody saw them; that nobody did is worth saying of children."""
    if seen is None:
        return "Not seen by anybody, as far as your team may know" if child else ""
    by = f" by {seen.by.name}" if seen.by else ""
    return f"Last seen {words.day(seen.at)}{by}"


def _happened(line: Line, directory: Directory, here: str | None) -> Happened:
    sender = directory.teams.get(line.message.sender or "")
    return Happened(
        at=line.at,
        what=what(line.message.event, line.message.kind),
        sender=sender.name if sender else "",
        here=line.id == here,
    )
