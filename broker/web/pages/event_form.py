"""Forms by which people without a system tell of what happened, made from the definitions of events (`schemas.events`); and the message of each. Pure.

What a form asks is what the event's definition names: its kinds, its facts, what it needs of each person. Nothing is made up beside them.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from broker.domain.caller import Caller
from broker.web.pages import words
from broker.web.pages.fields import MORE, Field, Option, Typed
from broker.web.pages.forms import Form
from broker.workflow.tell import Tellable
from broker.workflow.view import name_of
from schemas.codes import Event, Function, LawfulBasis, Standing
from schemas.events import FACTS, SPECS, EventSpec, FactSpec, FactType, Level, Whom, coded
from schemas.identifiers import Postcode
from schemas.message import Fact, FactValue, HouseholdMember, Message, Person, PostalAddress
from schemas.problem import Problem

BASES: Final[tuple[Option, ...]] = (
    (LawfulBasis.DIRECT_CARE.value, "Direct care"),
    (LawfulBasis.CHILDREN_ACT_2004_S11.value, "Safeguarding (Children Act 2004, section 11)"),
    (LawfulBasis.CHILDREN_ACT_1989_S17.value, "A child in need (Children Act 1989, section 17)"),
    (LawfulBasis.CHILDREN_ACT_1989_S47.value, "Significant harm (Children Act 1989, section 47)"),
    (LawfulBasis.CONSENT.value, "Consent"),
)
_JUSTICE: Final = frozenset({Function.PROBATION, Function.YOUTH_JUSTICE, Function.PRISON})
_MATERNITY: Final = frozenset({Function.MIDWIFERY, Function.GENERAL_PRACTICE})
_WARDS: Final = frozenset({Function.MENTAL_HEALTH, Function.SUBSTANCE_MISUSE})
TOLD: Final[Mapping[Event, Collection[Function] | None]] = {
    Event.NOT_BROUGHT: None,
    Event.NO_ACCESS: None,
    Event.CHILD_CONTACT: None,
    Event.CHANGE_OF_ADDRESS: None,
    Event.HOUSEHOLD_UPDATE: None,
    Event.INVOLVEMENT_START: None,
    Event.INVOLVEMENT_END: None,
    Event.INFORMATION_REQUEST: None,
    Event.PREGNANCY_NOTIFICATION: _MATERNITY,
    Event.MENTAL_HEALTH_DISCHARGE: _WARDS,
    Event.SUPERVISION_START: _JUSTICE,
    Event.CUSTODY_RELEASE: _JUSTICE,
}
"""What can be told by form, and by teams of which functions; None: by any."""
_WITH_EVERY_CHILD: Final = frozenset({Event.CHANGE_OF_ADDRESS, Event.HOUSEHOLD_UPDATE})
"""What is hardly ever true of one child alone: every child is ticked, and whoever leaves one out does so knowingly (F15)."""
_LIVES: Final[tuple[Option, ...]] = (
    ("", "I do not know"),
    (Standing.LIVES.value, "Lives there"),
    (Standing.SHARED_CARE.value, "Lives there part of the time"),
    (Standing.WILL_LIVE.value, "Is going to live there"),
    (Standing.LEFT.value, "Does not live there any more"),
)
_NONE: Final = frozenset({"none", "no", "nothing", "none known"})
_FEW: Final = 6
"""So many facts are no burden to look at."""
_LABELS: Final[Mapping[str, str]] = {
    "concerns": "What concerns do you have?",
    "concern-detail": "What did you see, or hear?",
    "action-taken": "What have you done already?",
    "seen": "Was the person seen?",
    "last-contact": "When did you last see the child?",
    "follow-up-plan": "What happens next, and who does it?",
    "question": "What do you ask?",
}
"""Of facts whose definitions speak of “the sender”."""
NOTHING: Final = "Write “none” if you asked and there is nothing. Leave it empty if nobody asked."


def may_tell(event: Event, function: Function) -> bool:
    """Whether a team of that function tells of it by form."""
    functions = TOLD.get(event, ())
    return functions is None or function in functions


def subjects_of(event: Event, people: Sequence[Tellable]) -> tuple[Tellable, ...]:
    """Whom it can be about."""
    match SPECS[event].subject:
        case Whom.CHILD:
            return tuple(one for one in people if one.child)
        case Whom.ADULT:
            return tuple(one for one in people if not one.child)
        case Whom.MOTHER:
            return tuple(one for one in people if not one.child and one.known.gender != "male")
        case Whom.ANY:
            return tuple(people)


# --- the fields ---------------------------------------------------------------------------------------------------


def fields_of(event: Event, people: Sequence[Tellable]) -> tuple[Field, ...]:
    """What the form asks."""
    spec = SPECS[event]
    return (
        _about(spec, subjects_of(event, people)),
        *_kind(spec),
        Field(
            kind="datetime", name="occurred", label="When did it happen?" if spec.focus != "Patient" else "Since when?"
        ),
        *(_address() if "address" in spec.persons_have else ()),
        *(_household(people) if spec.household is Level.REQUIRED else ()),
        *sorted((_field(FACTS[code], spec) for code in _facts(spec)), key=lambda one: one.group == MORE),
        basis(),
    )


def _about(spec: EventSpec, people: Sequence[Tellable]) -> Field:
    options = tuple((one.known.id, name_of(one.known) or "Name not known") for one in people)
    if not spec.many:
        return Field(kind="radios", name="about", label="Whom is it about?", options=options)
    every = tuple(one.known.id for one in people if one.child) if spec.event in _WITH_EVERY_CHILD else ()
    hint = "Every child of the household is ticked." if every else "The other children of the household stand here too."
    return Field(kind="checkboxes", name="about", label="Whom is it about?", hint=hint, options=options, values=every)


def _kind(spec: EventSpec) -> Iterator[Field]:
    if spec.kinds is None:
        return
    options = tuple((code, words.title(said)) for code, said in spec.kinds.values.codes.items())
    label = "Whom do you ask?" if spec.addressed else f"{spec.kinds.values.title}"
    hint = "Every team of the household with that work is asked." if spec.addressed else ""
    yield Field(kind="select", name="kind", label=label, hint=hint, options=(("", "Choose"), *options))


def _address() -> tuple[Field, ...]:
    group = "The new address"
    return (
        Field(kind="text", name="line", label="House and street", group=group),
        Field(kind="text", name="town", label="Town", group=group),
        Field(kind="text", name="postcode", label="Postcode", group=group),
        Field(
            kind="checkboxes",
            name="protected",
            label="Must it be kept from anybody of the family?",
            options=(("yes", "Yes: Baton gives it to no other team"),),
            group=group,
        ),
    )


def _household(people: Sequence[Tellable]) -> Iterator[Field]:
    for one in people:
        yield Field(
            kind="select",
            name=f"lives-{one.known.id}",
            label=name_of(one.known) or "Name not known",
            options=_LIVES,
            group="Who lives there, as far as you know?",
        )


def _facts(spec: EventSpec) -> tuple[str, ...]:
    """What definitions hold back for release is told by whoever can hold it back: not from a form."""
    return tuple(code for code in spec.facts() if FACTS[code].category.value != "restricted")


def _field(fact: FactSpec, spec: EventSpec) -> Field:
    kinds = {FactType.DATE: "date", FactType.DATETIME: "datetime", FactType.BOOLEAN: "select", FactType.CODE: "select"}
    texts = {FactType.TEXT: "textarea", FactType.STATEMENT: "textarea"}
    return Field(
        kind=(kinds | texts).get(fact.type, "text"),
        name=fact.code,
        label=_label(fact),
        hint=NOTHING if fact.type is FactType.STATEMENT else "",
        group="" if fact.code in _wanted(spec) else MORE,
        options=_options(fact),
    )


def _label(fact: FactSpec) -> str:
    """What a definition says of a fact, in words for whoever sends it."""
    said = _LABELS.get(fact.code) or fact.text.partition(", or false")[0].replace("the sender sees", "you see")
    return said + (f" ({fact.unit.strip('{}')})" if fact.unit else "")


def _wanted(spec: EventSpec) -> frozenset[str]:
    """What stands open on the form: what any kind of the event requires or expects. The rest is there, and folded."""
    of_kinds = (code for codes in spec.expected_for.values() for code in codes)
    expected = {*spec.required, *spec.required_one_of, *spec.expected, *spec.expected_one_of, *of_kinds}
    few = expected if len(spec.facts()) > _FEW else {*spec.facts()}
    return frozenset(few | {"concerns"})


def _options(fact: FactSpec) -> tuple[Option, ...]:
    if fact.type is FactType.BOOLEAN:
        return (("", "Not known"), ("yes", "Yes"), ("no", "No"))
    if fact.binding is None:
        return ()
    return (("", "Not known"), *fact.binding.codes.items())


def basis() -> Field:
    """On what it is shared."""
    return Field(
        kind="select",
        name="basis",
        label="On what basis do you share this?",
        options=BASES,
        values=(LawfulBasis.DIRECT_CARE.value,),
    )


# --- the message --------------------------------------------------------------------------------------------------


def problems_of(event: Event, form: Form, people: Sequence[Tellable], now: datetime) -> list[Problem]:
    """What is missing, could not be read, or was not offered."""
    spec, typed = SPECS[event], Typed()
    known, asked = {one.known.id for one in subjects_of(event, people)}, form.every("about")
    needs = {"about": "Say whom it is about"} if not asked or not known.issuperset(asked) else {}
    needs |= _wanting(spec, form, people)
    at = typed.moment("occurred", form.one("occurred"))
    if at is None and not typed.faults:
        needs["occurred"] = "Say when"
    elif at is not None and at > now and spec.event is not Event.CUSTODY_RELEASE:
        needs["occurred"] = "must not lie in the future"
    chosen = [one for one in people if one.known.id in asked]
    for code in _facts(spec):
        _value(FACTS[code], form, typed)
        if form.one(code) and FACTS[code].whom is Whom.CHILD and sum(one.child for one in chosen) > 1:
            needs[code] = "Say this of one child at a time: what was found of one is not true of the others"
    return [Problem(name, said, "required") for name, said in (needs | typed.faults).items()]


def _wanting(spec: EventSpec, form: Form, people: Sequence[Tellable]) -> dict[str, str]:
    needs = {}
    if spec.kinds is not None:
        must = spec.addressed or spec.kinds.level is Level.REQUIRED
        if form.one("kind") not in spec.kinds.values.codes and (must or form.one("kind")):
            needs["kind"] = "Say whom you ask" if spec.addressed else "Choose a kind"
    if "address" in spec.persons_have:
        needs |= {} if form.one("line") else {"line": "Say house and street"}
        needs |= {} if _postcode(form.one("postcode")) else {"postcode": "Enter a postcode, such as B66 2QZ"}
    if spec.household is Level.REQUIRED and not list(_members(form, people)):
        needs["about"] = "Say of at least one person whether they live there"
    needs |= {code: f"{FACTS[code].text}: say it" for code in spec.required if not form.one(code)}
    return needs | ({} if form.one("basis") in dict(BASES) else {"basis": "Choose a basis"})


def _postcode(text: str) -> str | None:
    try:
        return Postcode.parse(text).value
    except ValueError:
        return None


def message_of(
    event: Event, form: Form, people: Sequence[Tellable], caller: Caller, message_id: str, now: datetime
) -> Message:
    """The message that a form without problems makes, signed by whoever is signed in."""
    spec, typed = SPECS[event], Typed()
    chosen = [one for one in people if one.known.id in form.every("about")]
    members = tuple(_members(form, people)) if spec.household is Level.REQUIRED else ()
    named = {one.person for one in members} | {one.known.id for one in chosen}
    return Message(
        id=message_id,
        event=event,
        sender=caller.team or "",
        occurred=typed.moment("occurred", form.one("occurred")) or now,
        sent=now,
        kind=form.given("kind"),
        subjects=tuple(one.known.id for one in chosen),
        people=tuple(_person(one, form, spec) for one in people if one.known.id in named),
        household=members,
        facts=tuple(_said(spec, form, chosen)),
        author=caller.practitioner,
        basis=LawfulBasis(form.one("basis")),
    )


def _person(one: Tellable, form: Form, spec: EventSpec) -> Person:
    if "address" not in spec.persons_have or one.known.id not in form.every("about"):
        return one.person
    lines = tuple(line for line in (form.one("line"), form.one("town")) if line)
    moved = PostalAddress(lines=lines, postcode=_postcode(form.one("postcode")), protected=bool(form.one("protected")))
    return replace(one.person, addresses=(moved,))


def _members(form: Form, people: Sequence[Tellable]) -> Iterator[HouseholdMember]:
    for one in people:
        standing = form.one(f"lives-{one.known.id}")
        if standing in set(Standing):
            yield HouseholdMember(person=one.known.id, standing=Standing(standing))


def _said(spec: EventSpec, form: Form, chosen: Sequence[Tellable]) -> Iterator[Fact]:
    typed = Typed()
    for code in _facts(spec):
        fact = FACTS[code]
        value = _value(fact, form, typed)
        if value is None:
            continue
        for one in chosen:
            if fact.whom is Whom.ANY or (fact.whom is Whom.CHILD) is one.child:
                yield Fact(code=code, value=value, about=one.known.id, unit=fact.unit)


class _Unfit(Exception):
    """What was typed is no value of the fact; its text says what would be."""


def _value(fact: FactSpec, form: Form, typed: Typed) -> FactValue | None:
    """What was typed of a fact; None when nothing was, or it could not be read, which is noted."""
    text = form.one(fact.code)
    if not text:
        return None
    try:
        return _read(fact, text, typed)
    except _Unfit as unfit:
        typed.faults[fact.code] = str(unfit)
        return None


def _read(fact: FactSpec, text: str, typed: Typed) -> FactValue | None:
    match fact.type:
        case FactType.BOOLEAN | FactType.CODE:
            return _chosen(fact, text)
        case FactType.INTEGER | FactType.QUANTITY:
            return _number(fact, text)
        case FactType.DATE:
            return _day(text)
        case FactType.DATETIME:
            return typed.moment(fact.code, text)
        case FactType.STATEMENT if text.casefold().rstrip(".") in _NONE:
            return False
        case _:
            return text


def _chosen(fact: FactSpec, text: str) -> FactValue:
    if text not in dict(_options(fact)):
        raise _Unfit("Choose one")
    return text == "yes" if fact.type is FactType.BOOLEAN else coded(fact.code, text)


def _number(fact: FactSpec, text: str) -> Decimal | int:
    if fact.type is FactType.INTEGER:
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise _Unfit("must be a whole number")
        return int(text)
    try:
        found = Decimal(text.replace(",", ""))
    except InvalidOperation as error:
        raise _Unfit("must be a number") from error
    if not found.is_finite():
        raise _Unfit("must be a number")
    return found


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise _Unfit("must be a day, such as 24 November 2026") from error
