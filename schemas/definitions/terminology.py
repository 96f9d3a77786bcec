"""CodeSystem and ValueSet of every list of codes of ours."""

from collections.abc import Iterator, Mapping
from typing import Final

from schemas.bundle import profile
from schemas.codes import (
    BUSINESS_STATUS_SYSTEM,
    CANONICAL,
    FACT_SYSTEM,
    SYSTEMS,
    Category,
    Event,
    Function,
    LawfulBasis,
    RelationshipKind,
    ResponseReason,
    Standing,
    TaskCode,
)
from schemas.definitions.metadata import canonical, published
from schemas.events import FACTS, SPECS, FactSpec, Values
from schemas.events.specification import values_of

_OWN: Final = (
    Values(
        id="business-status",
        title="What a task has come to beyond its status",
        system=BUSINESS_STATUS_SYSTEM,
        codes={
            "opened": "Opened by somebody of the team",
            "question-asked": "Waits for the answer to a question back",
            "question-answered": "Has the answer, waits for the team again",
            "extended": "Has a later due date, with a reason",
            "actions-open": "Acknowledged; what was agreed is not all done",
            "lapsed": "Acknowledged, but what was agreed does not get on",
            "arrived": "What was expected has come",
            "action-not-done": "Ended; something agreed will not be done, with a reason",
            "withdrawn": "The sender took the message back",
            "overdue": "Past its due date",
            "caretaking": "Looked after for the sender, who stays responsible, until the review date",
            "escalated": "Raised to somebody else because it was not done",
            "unheld": "Nobody of the team holds it now",
            "nothing-supplied": "The transfer says nothing of this person",
            "supplied": "The sender has said something of this person since",
            "held-elsewhere": "A third team is responsible for this person",
            "held-here": "The receiver is responsible for this person already",
            "exclusion-proposed": "One side wants to leave this person out; the other is asked",
            "exclusion-refused": "The other side does not agree to leave this person out",
            "excluded": "Left out of the transfer, with a reason that both sides agree on",
            "left-household": "Does not live in the household any more",
            "no-longer-current": "Nobody can be transferred under this record any more",
            "partly-confirmed": "Some persons of the transfer are confirmed",
            "awaiting-sender": "Everybody named is answered; the sender has something to settle first",
            "replaced": "The sender sent another in its place",
            "closed-by-lead": "Nobody of the team answered; the lead of its agency ended it after a discussion that is recorded",
            "reached-after-all": "The team could not be reached, and has been since",
        },
    ),
    Values(
        id="label",
        title="Marks on a message besides HL7's security labels",
        codes={
            "held-for-release": "Told to nobody until the sender's safeguarding lead releases it",
            "addressed-only": "Told to nobody but those whom the sender addresses",
            "refuge": "Names people in a refuge: their household joins no other",
            "unrecognised": "A label that was not known here stood in its place; it counts as the strictest",
        },
    ),
    Values(
        id="audit-action",
        title="What an audit entry says was done",
        codes={
            "receive": "A message was received",
            "read": "Something was read",
            "search": "A search was answered",
            "answer": "A task was answered",
            "acknowledge": "A message was acknowledged by a team's system",
            "disclose": "Something was handed out",
            "decide": "It was decided who is told",
            "escalate": "Somebody else was told because nobody answered",
            "expect": "What should have come and did not was asked for",
            "retry": "What could not be delivered, or could not be read, was tried again",
            "grant": "A client was given a token",
            "sign-in": "Somebody signed in to the pages, or could not",
            "sign-out": "Somebody signed out of the pages",
            "break-glass": "Somebody began to read a household in an emergency",
            "revoke": "A client gave a token back",
            "refuse": "Somebody without a valid token, or who asked for one in vain, was refused",
            "deny": "What was asked for was refused: the scope did not allow it, or it is not there for this caller",
            "record": "What a step wrote behind its last entry, as digests",
            "administer": "The directory, a channel, a client or a token was changed",
        },
    ),
    Values(
        id="chronology-gap",
        title="What is not there in a chronology",
        codes={
            "no-contact": "Nobody whose word the reader may see was in contact with the child",
            "expected-and-missed": "What should have come and did not",
        },
    ),
    Values(
        id="task-detail",
        title="What an answer to a task said, and what there is to choose from",
        codes={
            "person": "Whom the choice is about",
            "members": "Who is said to live together",
            "household": "The household the choice is about",
            "choices": "What may be chosen",
            "teams": "Teams it is held back from",
            "functions": "Functions it may be released to",
            "persons": "Whom a transfer may name",
            "problems": "Where the message is wrong, and why",
            "missing": "Facts that were not supplied",
            "asks": "What is asked of whoever confirms",
            "rule": "The line of the policy by which it was raised",
            "alert": "How often it was asked for",
            "team": "The team the task is about",
            "delivery": "The delivery the task is about",
            "question": "A question back",
            "answer": "The answer to it, or what was supplied",
            "not-answered": "Why it was not answered",
            "meaning": "What it means for the work of whoever answered",
            "agreed-action": "What was agreed, as a task of its own",
            "because": "Why",
            "choice": "What was chosen",
            "caretaking": "Looked after until a review date",
            "exclusion": "One side wants to leave this person out",
            "exclusion-reason": "Why this person is to be left out",
            "exclusion-proposed-by": "Which side wants it",
            "conversation": "A conversation that was held",
            "discussion": "What was discussed",
            "discussion-outcome": "What the discussion came to",
            "decision": "Released or refused",
            "released-to": "Functions it is released to",
        },
    ),
    Values(id="group", title="Kinds of group", codes={profile.HOUSEHOLD_GROUP: "People who live together"}),
    Values(id="encounter-class", title="Classes of encounter that HL7 lacks", codes={"custody": "Custody"}),
)

_DEFINED: Final = (
    (TaskCode, "What a team must do"),
    (Function, "What a team does for people"),
    (RelationshipKind, "What one person is to another"),
    (Standing, "How a person stands to a household"),
    (Category, "What kind of fact a fact is, which decides who may see it"),
    (LawfulBasis, "Why the sender may share"),
)


def terminology() -> Iterator[dict[str, object]]:
    """All CodeSystems and ValueSets."""
    for values in _all_values():
        if values.system.startswith(CANONICAL):
            yield _code_system(values)
        yield _value_set(values)
    yield _facts()
    yield _value_set(Values(id="fact", title="Facts", codes={}, system=FACT_SYSTEM))
    yield _roles()
    yield _patterns()


def _all_values() -> list[Values]:
    """Every list once: of codes, of kinds, of what facts are bound to, and the few that stand here."""
    listed = [values_of(members, title) for members, title in _DEFINED]
    listed.append(_events())
    listed.append(_reasons())
    listed += [spec.kinds.values for spec in SPECS.values() if spec.kinds is not None]
    listed += [fact.binding for fact in FACTS.values() if fact.binding is not None]
    return list({values.id: values for values in (*listed, *_OWN)}.values())


def _events() -> Values:
    return Values(
        id="message-event",
        title="What a message reports",
        codes={event.value: SPECS[event].text for event in Event},
        system=SYSTEMS[Event],
    )


def _reasons() -> Values:
    return Values(
        id="response-reason",
        title="Reasons of an answer, from the NHS ITK3 business response codes",
        codes={reason.value: reason.name.replace("_", " ").capitalize() for reason in ResponseReason},
        system=SYSTEMS[ResponseReason],
    )


def _code_system(values: Values) -> dict[str, object]:
    return {
        **published("CodeSystem", values.id, values.title, f"{values.title}."),
        "caseSensitive": True,
        "valueSet": canonical("ValueSet", values.id),
        "content": "complete",
        "count": len(values.codes),
        "concept": [{"code": code, "display": display} for code, display in values.codes.items()],
    }


def _value_set(values: Values) -> dict[str, object]:
    """All codes of a system of ours; the listed ones of somebody else's."""
    include: dict[str, object] = {"system": values.system}
    if not values.system.startswith(CANONICAL):
        include["concept"] = _concepts(values.codes)
    return {
        **published("ValueSet", values.id, values.title, f"{values.title}."),
        "compose": {"include": [include]},
    }


def _concepts(codes: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"code": code, "display": display} for code, display in codes.items()]


_PROPERTIES: Final = (
    ("category", "code", "Category, which decides who may see it"),
    ("adult-category", "code", "Category where the fact is said of an adult outside a pregnancy"),
    ("type", "code", "Type of the value"),
    ("unit", "string", "UCUM unit of the number"),
    ("values", "string", "ValueSet of the code"),
    ("whom", "code", "Whom the fact can be about"),
)


def _facts() -> dict[str, object]:
    return {
        **published("CodeSystem", "fact", "Facts", "What an Observation of a message can say."),
        "caseSensitive": True,
        "valueSet": canonical("ValueSet", "fact"),
        "content": "complete",
        "count": len(FACTS),
        "property": [
            {"code": code, "uri": f"{FACT_SYSTEM}#{code}", "type": kind, "description": text}
            for code, kind, text in _PROPERTIES
        ],
        "concept": [_fact(spec) for spec in FACTS.values()],
    }


def _fact(spec: FactSpec) -> dict[str, object]:
    properties: list[dict[str, object]] = [
        {"code": "category", "valueCode": spec.category.value},
        {"code": "type", "valueCode": spec.type.value},
        {"code": "whom", "valueCode": spec.whom.value},
    ]
    if spec.adult_category is not None:
        properties.append({"code": "adult-category", "valueCode": spec.adult_category.value})
    if spec.unit is not None:
        properties.append({"code": "unit", "valueString": spec.unit})
    if spec.binding is not None:
        properties.append({"code": "values", "valueString": canonical("ValueSet", spec.binding.id)})
    return {"code": spec.code, "display": spec.text, "property": properties}


def _roles() -> dict[str, object]:
    """Which roles count as professional or clerical is policy of each partnership; the system only has an address."""
    text = "Roles of professionals. Each partnership lists its own, as professional or clerical, in its policy."
    return {
        **published("CodeSystem", "professional-role", "Roles of professionals", text),
        "caseSensitive": True,
        "content": "not-present",
    }


def _patterns() -> dict[str, object]:
    """Which events together are a reason to talk is policy of each partnership; the system only has an address."""
    text = (
        "Patterns of events that are a reason to talk, which flags name. Each partnership lists its own in its policy."
    )
    return {
        **published("CodeSystem", "pattern", "Patterns of events", text),
        "caseSensitive": True,
        "content": "not-present",
    }
