"""From a policy file that fits together to the `Policy` that decisions read: names resolved, look-ups made once."""

from collections.abc import Iterator

from broker.domain.rules import (
    About,
    Ask,
    EventRules,
    Group,
    Hold,
    InvolvementRule,
    Marks,
    Need,
    Policy,
    Relation,
    ResponsibilityRule,
    Roles,
    Tell,
    TransferRule,
    Transfers,
    Universal,
)
from broker.domain.states import Purpose
from broker.domain.tasks import RoleKind
from broker.policy import (
    chronology_section,
    clocks_section,
    expecting_section,
    out_of_hours_section,
    own_asks_section,
    patterns_section,
    reports_section,
    retention_section,
)
from broker.policy.document import AddLine, AskLine, Document, EventSection, TellLine
from broker.policy.sections import condition, said
from schemas.codes import Event, Function

_ABOUT = {"child": About.CHILD, "pregnancy": About.CHILD, "adult": About.ADULT, "subject": None}


def compile_policy(document: Document) -> Policy:
    """The policy that the document describes; `faults.found` must have found none."""
    sharing = document.sharing
    return Policy(
        version=document.version,
        events={event: _event(document, event, section) for event, section in document.events.items()},
        groups={
            function: group
            for group, section in document.groups.items()
            for function in (*section.functions, *section.only_with_child)
        },
        only_with_child=frozenset(f for section in document.groups.values() for f in section.only_with_child),
        views={view: frozenset(categories) for view, categories in sharing.views.items()},
        limits={
            (group, relation, about): frozenset(views)
            for group, relations in sharing.limits.items()
            for relation, abouts in relations.items()
            for about, views in abouts.items()
        },
        never={group: frozenset(sharing.never.get(group, ())) for group in Group},
        universal=_universal(document),
        visible={group: document.functions_of(names) for group, names in sharing.visible.items()},
        contacts=sharing.contacts,
        hold=_hold(document),
        marks=_marks(document),
        deadlines=document.deadlines,
        clocks=clocks_section.compiled(document.clocks, document.functions_of),
        out_of_hours=out_of_hours_section.compiled(document.out_of_hours, document.functions_of),
        own_asks=own_asks_section.compiled(document.own_asks),
        mobile_from_days=document.mobile_from.days,
        involvement=dict(_involvement(document)),
        responsibility=dict(_responsibility(document)),
        transfers=_transfers(document),
        chronology=chronology_section.compiled(document.chronology),
        reports=reports_section.compiled(document.reports),
        expectations=expecting_section.compiled(document, document.expectations),
        patterns=patterns_section.compiled(document),
        retention=retention_section.compiled(document.retention, document.involvement.lapse),
        lookup_silence=document.lookups.silent_after,
        lapses=document.involvement.lapse,
        roles=Roles(
            dict.fromkeys(document.roles.professional, RoleKind.PROFESSIONAL)
            | dict.fromkeys(document.roles.clerical, RoleKind.CLERICAL)
        ),
        guidance=document.guidance,
    )


def _event(document: Document, event: Event, section: EventSection) -> EventRules:
    harm = section.harm
    return EventRules(
        event=event,
        about=_ABOUT[section.about],
        pregnancy=section.about == "pregnancy",
        routine=section.routine,
        quiet=section.quiet,
        marked=section.marked,
        takes_on=section.takes_on,
        by_professional=section.rests_on == "professional",
        standing=section.standing,
        nobody=section.nobody,
        kind_category=section.kind_category,
        harm=harm is True,
        harm_kinds=frozenset() if isinstance(harm, bool) else frozenset(harm),
        sealing_kinds=frozenset(section.sealing_kinds),
        tell=tuple(_lines(document, event, section)),
        adds=tuple(dict.fromkeys(line.function for line in section.add.values())),
        asks=tuple(_ask(document, f"{event.value}.ask.{name}", line) for name, line in section.ask.items()),
        cites=said(section.cites),
    )


def _lines(document: Document, event: Event, section: EventSection) -> Iterator[Tell]:
    for name, line in section.tell.items():
        yield _tell(document, f"{event.value}.tell.{name}", line, line.purpose)
    for name, added in section.add.items():
        yield _added(document, f"{event.value}.add.{name}", added)
    own = {relation for line in section.tell.values() for relation in line.of}
    for name, line in document.always.tell.items():
        # What an event says itself of those addressed stands in place of what is said of them always.
        if section.quiet or (set(line.of) == {Relation.ADDRESSED} and Relation.ADDRESSED in own):
            continue
        purpose = Purpose.INFORMATION if section.routine else line.purpose
        yield _tell(document, f"always.tell.{name}", line, purpose)


def _tell(document: Document, rule: str, line: TellLine, purpose: Purpose) -> Tell:
    groups = {Group(name) for name in line.to if name in set(Group)}
    return Tell(
        rule=rule,
        functions=document.functions_of(tuple(name for name in line.to if name not in groups)),
        groups=frozenset(groups),
        of=frozenset(line.of),
        view=line.view,
        purpose=purpose,
        priority=line.priority,
        within=line.within,
        when=condition(document, line),
        ask=line.ask,
        cites=said(line.cites),
    )


def _added(document: Document, rule: str, line: AddLine) -> Tell:
    return Tell(
        rule=rule,
        functions=frozenset({line.function}),
        of=frozenset({Relation.ADDED}),
        view=line.view,
        purpose=line.purpose,
        priority=line.priority,
        within=line.within,
        when=condition(document, line),
        ask=line.ask,
        cites=said(line.cites),
    )


def _ask(document: Document, rule: str, line: AskLine) -> Ask:
    return Ask(
        rule=rule,
        code=line.code,
        owner=line.owner,
        requester=line.requester,
        description=line.description,
        once=line.once,
        again=line.again,
        priority=line.priority,
        within=line.within,
        when=condition(document, line),
        cites=said(line.cites),
    )


def _universal(document: Document) -> tuple[Universal, ...]:
    return tuple(
        Universal(
            pregnancy=line.pregnancy,
            since=line.since_days,
            until=line.until_days,
            functions=line.functions,
            optional=frozenset(line.optional),
            stands_in={function: frozenset(others) for function, others in line.stands_in.items()},
            cites=said(line.cites),
        )
        for line in document.universal.values()
    )


def _hold(document: Document) -> Hold:
    hold = document.sharing.hold
    return Hold(
        labels=frozenset(hold.labels),
        restricted=frozenset(hold.restricted),
        kinds={event: frozenset(kinds) for event, kinds in hold.kinds.items()},
        ended={fact: frozenset(values) for fact, values in hold.ended.items()},
        to=document.functions_of(hold.to),
        free=document.functions_of(hold.free),
        within=hold.within,
        cites=said(hold.cites),
    )


def _marks(document: Document) -> Marks:
    marks = document.sharing.marks
    return Marks(
        not_for_family=marks.not_for_family,
        categories=frozenset(marks.categories),
        addressed_only=frozenset(marks.addressed_only),
        copied=frozenset(marks.copied),
    )


def _involvement(document: Document) -> Iterator[tuple[Event, tuple[InvolvementRule, ...]]]:
    for event, lines in document.involvement.events.items():
        yield (
            event,
            tuple(
                InvolvementRule(
                    effect=line.effect,
                    team=line.team,
                    functions=_practices(line.team) or document.functions_of(line.functions),
                    kinds=frozenset(line.kinds),
                    without_kinds=frozenset(line.not_kinds),
                    senders=document.functions_of(line.senders),
                    with_unborn=line.with_unborn,
                    instead_of_others=line.instead_of_others,
                    cites=said(line.cites),
                )
                for line in lines
            ),
        )


def _responsibility(document: Document) -> Iterator[tuple[Event, tuple[ResponsibilityRule, ...]]]:
    for event, lines in document.responsibility.items():
        yield (
            event,
            tuple(
                ResponsibilityRule(
                    effect=line.effect,
                    team=line.team,
                    functions=_practices(line.team) or frozenset(line.functions),
                    kinds=frozenset(line.kinds),
                    without_kinds=frozenset(line.not_kinds),
                    senders=document.functions_of(line.senders),
                    with_unborn=line.with_unborn,
                    first_only=line.first_only,
                    stays_in_transfer=line.stays_in_transfer,
                    why=line.why,
                    cites=said(line.cites),
                )
                for line in lines
            ),
        )


def _transfers(document: Document) -> Transfers:
    section = document.transfers
    return Transfers(
        rules=tuple(
            TransferRule(
                name=name,
                events=frozenset(line.events),
                senders=document.functions_of(line.senders),
                receivers=document.functions_of(line.receivers),
                lines=line.lines,
                needs=tuple(
                    Need(facts=frozenset(need.facts), of=need.of, until=need.until, words=need.words)
                    for need in line.needs
                ),
                cites=said(line.cites),
            )
            for name, line in section.kinds.items()
        ),
        supply_within=section.supply_within,
        caretaking_at_most=section.caretaking_at_most,
        summary=section.summary,
    )


def _practices(team: str) -> frozenset[Function]:
    return frozenset({Function.GENERAL_PRACTICE}) if team == "practice" else frozenset()
