"""What does not fit together in a policy file whose parts are each well formed; every fault names the place of its line."""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from broker.domain.responsibility import HELD_AS
from broker.domain.rules import HOUSEHOLD, About, Group, Relation
from broker.domain.states import Purpose, View
from broker.domain.terms import Term
from broker.policy import clocks_section, expecting_section, out_of_hours_section, patterns_section, retention_section
from broker.policy.document import (
    LONGEST,
    AddLine,
    AskLine,
    Document,
    EventSection,
    InvolvementLine,
    ResponsibilityLine,
    TellLine,
)
from broker.policy.sections import When
from schemas.codes import Category, Event, Function, Priority, TaskCode
from schemas.events import FACTS, SPECS
from schemas.problem import Problem

_CITE: Final = re.compile(r"F([1-9]|[12][0-9]|30)|\d+(\.\d+){1,3}|principle ([1-9]|1[0-5])|invariant ([1-9]|10)")
"""F-numbers, paragraphs of the review, principles of docs/sharing.md, invariants of the README."""

_ASKABLE: Final = frozenset(
    {
        TaskCode.SUPPLY_INFORMATION,
        TaskCode.DISCUSS_WITH_SAFEGUARDING_LEAD,
        TaskCode.DATA_QUALITY,
        TaskCode.CONFIRM_HOUSEHOLD,
        TaskCode.AGREED_ACTION,
    }
)
"""Tasks that a rule may raise by itself; the others follow from deliveries, households, transfers and the clock."""


def found(document: Document) -> list[Problem]:
    """Everything that does not fit together, in the order of the file; empty when it does."""
    return [
        *_names(document),
        *_groups(document),
        *_sharing(document),
        *_universal(document),
        *_complete("deadlines", Priority, document.deadlines),
        *_clocks(document),
        *_involvement(document),
        *_responsibility(document),
        *_transfers(document),
        *_roles(document),
        *_complete("events", Event, document.events),
        *_events(document),
        *expecting_section.faults(document, document.expectations),
        *patterns_section.faults(document),
        *_retention(document),
        *_citations(document),
    ]


def _fault(path: str, reason: str) -> Problem:
    return Problem(path, reason, "invalid")


def _complete(path: str, wanted: Iterable[str], given: Collection[str]) -> Iterator[Problem]:
    for name in wanted:
        if name not in given:
            yield _fault(path, f"has nothing for {name}")


def _names(document: Document) -> Iterator[Problem]:
    for name in document.sets:
        if name in set(Function) | set(Group) | {"everyone"}:
            yield _fault(f"sets.{name}", "is the name of a function or a group already")


def _known(document: Document, path: str, names: Iterable[str]) -> Iterator[Problem]:
    for name in names:
        if name not in set(Function) | set(Group) | set(document.sets) | {"everyone"}:
            yield _fault(path, f"names {name!r}, which is no function, group or set")


def _groups(document: Document) -> Iterator[Problem]:
    yield from _complete("groups", Group, document.groups)
    placed = [f for section in document.groups.values() for f in (*section.functions, *section.only_with_child)]
    for function in Function:
        if placed.count(function) != 1:
            yield _fault(
                "groups", f"names {function.value} {placed.count(function)} times; each function has one group"
            )


def _sharing(document: Document) -> Iterator[Problem]:
    sharing = document.sharing
    yield from _complete("sharing.views", View, sharing.views)
    yield from _complete("sharing.limits", Group, sharing.limits)
    yield from _complete("sharing.visible", Group, sharing.visible)
    for group, names in sharing.visible.items():
        yield from _known(document, f"sharing.visible.{group.value}", names)
    for view in (View.EXISTENCE, View.ENDED):
        if sharing.views.get(view):
            yield _fault(f"sharing.views.{view.value}", "must be empty: it says that there is something, and no more")
    yield from _known(document, "sharing.hold.to", sharing.hold.to)
    yield from _known(document, "sharing.hold.free", sharing.hold.free)
    for event, kinds in sharing.hold.kinds.items():
        yield from _kinds(f"sharing.hold.kinds.{event.value}", event, kinds)
    for code, values in sharing.hold.ended.items():
        binding = FACTS[code].binding if code in FACTS else None
        if binding is None or not set(values) <= set(binding.codes):
            yield _fault(f"sharing.hold.ended.{code}", "is no coded fact with these values")


def _universal(document: Document) -> Iterator[Problem]:
    for name, line in document.universal.items():
        path = f"universal.{name}"
        if line.pregnancy == (line.until_days > line.since_days):
            yield _fault(path, "needs either pregnancy or an age from since-days to a later until-days")
        if not set(line.optional) | set(line.stands_in) <= set(line.functions):
            yield _fault(path, "has optional or stands-in for a function that it does not list")


def _clocks(document: Document) -> Iterator[Problem]:
    for name, line in document.clocks.items():
        yield from _known(document, f"clocks.{name}.functions", line.functions or ())
    for name, cover in document.out_of_hours.cover.items():
        yield from _known(document, f"out-of-hours.cover.{name}.for", cover.for_)
    for path, reason in (*clocks_section.faults(document.clocks), *out_of_hours_section.faults(document.out_of_hours)):
        yield _fault(path, reason)


def _involvement(document: Document) -> Iterator[Problem]:
    yield from _complete("involvement.lapse", Function, document.involvement.lapse)
    for event, lines in document.involvement.events.items():
        for index, line in enumerate(lines):
            path = f"involvement.events.{event.value}[{index}]"
            yield from _known(document, f"{path}.functions", line.functions)
            yield from _known(document, f"{path}.senders", line.senders)
            yield from _kinds(path, event, (*line.kinds, *line.not_kinds))
            if line.team == "practice" and event is not Event.GP_REGISTRATION:
                yield _fault(path, "only gp-registration names a practice")


def _responsibility(document: Document) -> Iterator[Problem]:
    for event, lines in document.responsibility.items():
        for index, line in enumerate(lines):
            path = f"responsibility.{event.value}[{index}]"
            yield from _known(document, f"{path}.senders", line.senders)
            yield from _kinds(path, event, (*line.kinds, *line.not_kinds))
            if line.team == "practice" and event is not Event.GP_REGISTRATION:
                yield _fault(path, "only gp-registration names a practice")
            if bool(line.functions) == (line.team == "practice"):
                yield _fault(path, "names functions, or the practice as its team")
            if not set(line.functions) <= set(HELD_AS):
                yield _fault(f"{path}.functions", "has a function that is not held as responsibility")
            if (line.effect == "ends") != (line.why is not None):
                yield _fault(path, "says why nobody is responsible when it ends, and only then")
            if (line.first_only and line.effect == "ends") or (line.stays_in_transfer and line.effect == "takes"):
                yield _fault(
                    path, "has first-only where it takes or stays-in-transfer where it ends, and not the other"
                )


def _transfers(document: Document) -> Iterator[Problem]:
    section = document.transfers
    for fact in section.summary:
        if fact not in FACTS:
            yield _fault("transfers.summary", f"names {fact!r}, which is no fact")
        elif FACTS[fact].category is not Category.CARE:
            yield _fault("transfers.summary", f"names {fact!r}: only facts of care go into a parent-held record")
    for name, line in section.kinds.items():
        path = f"transfers.kinds.{name}"
        yield from _known(document, f"{path}.senders", line.senders)
        yield from _known(document, f"{path}.receivers", line.receivers)
        for index, need in enumerate(line.needs):
            for fact in need.facts:
                if fact not in FACTS and fact != HOUSEHOLD:
                    yield _fault(f"{path}.needs[{index}].facts", f"names {fact!r}, which is no fact")


def _roles(document: Document) -> Iterator[Problem]:
    for role in sorted(set(document.roles.professional) & set(document.roles.clerical)):
        yield _fault("roles", f"lists {role} as professional and as clerical")


def _events(document: Document) -> Iterator[Problem]:
    for name, line in document.always.tell.items():
        yield from _line(document, f"always.tell.{name}", None, line)
    for event, section in document.events.items():
        path = f"events.{event.value}"
        yield from _section(path, event, section)
        for name, told in section.tell.items():
            yield from _told(document, f"{path}.tell.{name}", event, section, told)
        for name, added in section.add.items():
            yield from _added(document, f"{path}.add.{name}", event, section, added)
        for name, ask in section.ask.items():
            yield from _asked(document, f"{path}.ask.{name}", event, section, ask)


def _section(path: str, event: Event, section: EventSection) -> Iterator[Problem]:
    harm = () if isinstance(section.harm, bool) else section.harm
    yield from _kinds(path, event, (*harm, *section.sealing_kinds))
    if section.standing is not None and section.standing > LONGEST:
        yield _fault(path, "is longer than three years")
    if section.quiet and (section.add or section.ask):
        yield _fault(path, "is quiet: it adds nobody and asks nothing (principle 14)")


def _told(document: Document, path: str, event: Event, section: EventSection, line: TellLine) -> Iterator[Problem]:
    yield from _line(document, path, event, line)
    yield from _makes_tasks(path, section, line.purpose)
    if section.quiet and line.view is not View.ENDED:
        yield _fault(path, "must have the view ended: the event is quiet (principle 14)")
    if Relation.ADDED in line.of:
        yield _fault(path, "cannot be of added: that is what the section `add` is for")
    abouts = {"adult": (About.ADULT,), "subject": tuple(About)}.get(section.about, (About.CHILD,))
    if not any(_allows(document, group, line, about) for group in _groups_of(document, line.to) for about in abouts):
        yield _fault(path, "proposes what sharing.limits never allows to those it names")


def _added(document: Document, path: str, event: Event, section: EventSection, line: AddLine) -> Iterator[Problem]:
    yield from _when(document, path, event, line)
    yield from _length(path, line.within)
    yield from _makes_tasks(path, section, line.purpose)
    group = _group_of(document, line.function)
    limits = document.sharing.limits.get(group, {}).get(Relation.ADDED, {}) if group else {}
    if not any(line.view in views for views in limits.values()):
        yield _fault(path, "proposes what sharing.limits never allows to a function that is added")


def _asked(document: Document, path: str, event: Event, section: EventSection, line: AskLine) -> Iterator[Problem]:
    yield from _when(document, path, event, line)
    yield from _length(path, line.within)
    if section.routine:
        yield _fault(path, "makes a task of a routine event (principle 15)")
    if line.code not in _ASKABLE:
        yield _fault(f"{path}.code", "is raised by other parts of Baton, not by a rule")
    if line.code is TaskCode.AGREED_ACTION and line.owner != "sender":
        yield _fault(f"{path}.owner", "must be the sender: nobody agrees to an action for another team (F14)")
    if line.again is not None and line.once != "household":
        yield _fault(f"{path}.again", "is for what a household is asked once")
    if line.requester == line.owner:
        yield _fault(path, "has the same owner and requester")
    if "{" in line.description.replace("{contacts}", ""):
        yield _fault(f"{path}.description", "may have {contacts} and no other part to fill in")


def _line(document: Document, path: str, event: Event | None, line: TellLine) -> Iterator[Problem]:
    yield from _known(document, f"{path}.to", line.to)
    yield from _when(document, path, event, line)
    yield from _length(path, line.within)
    if line.purpose is Purpose.INFORMATION and (line.within or line.ask):
        yield _fault(path, "asks for nothing, so it has neither within nor ask")


def _when(document: Document, path: str, event: Event | None, line: When) -> Iterator[Problem]:
    yield from _known(document, f"{path}.senders", line.senders)
    if set(line.when) & set(line.unless):
        yield _fault(path, "wants and excludes the same condition")
    if event is not None:
        yield from _kinds(path, event, (*line.kinds, *line.not_kinds))


def _kinds(path: str, event: Event, kinds: Iterable[str]) -> Iterator[Problem]:
    known = SPECS[event].kinds
    for kind in kinds:
        if known is None or kind not in known.values.codes:
            yield _fault(path, f"names {kind!r}, which is no kind of {event.value}")


def _length(path: str, length: Term | None) -> Iterator[Problem]:
    if length is not None and length.at_least > LONGEST:
        yield _fault(path, "is longer than three years")


def _makes_tasks(path: str, section: EventSection, purpose: Purpose) -> Iterator[Problem]:
    if purpose is Purpose.ACTION and (section.routine or section.quiet):
        yield _fault(path, "makes a task of a routine or quiet event (principles 14 and 15)")


def _groups_of(document: Document, names: Iterable[str]) -> set[Group]:
    found: set[Group] = set()
    for function in document.functions_of(tuple(names)):
        group = _group_of(document, function)
        found |= {group} if group else set()
        if group and function in document.groups[group].only_with_child:
            found.add(Group.ADULT_ONLY)
    return found


def _group_of(document: Document, function: Function) -> Group | None:
    return next(
        (g for g, section in document.groups.items() if function in (*section.functions, *section.only_with_child)),
        None,
    )


def _allows(document: Document, group: Group, line: TellLine, about: About) -> bool:
    relations = document.sharing.limits.get(group, {})
    return any(line.view in relations.get(relation, {}).get(about, ()) for relation in line.of)


def _retention(document: Document) -> Iterator[Problem]:
    for path, reason in retention_section.faults(document.retention, document.involvement.lapse):
        yield _fault(f"retention.{path}", reason)


def _citations(document: Document) -> Iterator[Problem]:
    for path, cites in _cited(document):
        for cite in cites:
            if not _CITE.fullmatch(cite) and cite not in document.guidance:
                yield _fault(
                    f"{path}.cites", f"{cite!r} is no F-number, paragraph, principle, invariant or guidance named here"
                )


def _cited(document: Document) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "lookups", document.lookups.cites
    yield "own-asks", document.own_asks.cites
    yield "retention", document.retention.cites
    yield "sharing.hold", document.sharing.hold.cites
    yield "sharing.marks", document.sharing.marks.cites
    yield from ((f"universal.{name}", line.cites) for name, line in document.universal.items())
    yield from clocks_section.cited(document.clocks)
    yield from out_of_hours_section.cited(document.out_of_hours)
    yield from ((f"always.tell.{name}", line.cites) for name, line in document.always.tell.items())
    for event, involvements in document.involvement.events.items():
        yield from _numbered(f"involvement.events.{event.value}", involvements)
    for event, lines in document.responsibility.items():
        yield from _numbered(f"responsibility.{event.value}", lines)
    yield "transfers", document.transfers.cites
    yield "reports.births", document.reports.births.cites
    yield "reports.meetings", document.reports.meetings.cites
    yield "chronology", document.chronology.cites
    yield from ((f"chronology.quiet.{name}", line.cites) for name, line in document.chronology.quiet.items())
    yield from patterns_section.cited(document)
    yield from ((f"transfers.kinds.{name}", kind.cites) for name, kind in document.transfers.kinds.items())
    yield from ((f"expectations.{name}", line.cites) for name, line in document.expectations.items())
    for event, section in document.events.items():
        path = f"events.{event.value}"
        yield path, section.cites
        yield from ((f"{path}.tell.{name}", line.cites) for name, line in section.tell.items())
        yield from ((f"{path}.add.{name}", line.cites) for name, line in section.add.items())
        yield from ((f"{path}.ask.{name}", line.cites) for name, line in section.ask.items())


def _numbered(
    path: str, lines: tuple[InvolvementLine | ResponsibilityLine, ...]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    return ((f"{path}[{index}]", line.cites) for index, line in enumerate(lines))
