"""What one decision says: the reason and its words, the policy's line and what it cites, by when, and what waits for a lead."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from broker.domain.reasons import NotTold
from broker.domain.rules import About, Group, Relation, Tell
from broker.domain.sharing import Recipient, Tie, Told, Withheld, decide, group_of, withheld
from broker.domain.situation import situation
from broker.domain.states import DeliveryState, Purpose, View
from broker.domain.terms import Calendar, elapsed, working_days
from schemas.codes import Event, Function, Priority
from tests.unit.domain.family import ADMITTED, DIRECTORY, FAMILY, NOW, TEAMS, home, message, policy, protected_at, world

OWN, HOUSEHOLD, UNIVERSAL = Relation.OWN, Relation.HOUSEHOLD, Relation.UNIVERSAL
ADDRESSED, ADDED, EARLIER = Relation.ADDRESSED, Relation.ADDED, Relation.EARLIER
KNOWN = world(FAMILY)
GROWTH = message("concern", "baby", kind="growth", sender="practice")
INJURY = message("concern", "baby", kind="injury", sender="practice")
ISOLATION = message("concern", "mother", kind="isolation", sender="midwives")
TOMORROW = NOW + timedelta(days=1)


def line(**how):
    """A line of a policy that tells everybody, however they stand."""
    values = {
        "rule": "a line",
        "functions": frozenset(Function),
        "of": frozenset(Relation),
        "view": View.FULL,
        "purpose": Purpose.INFORMATION,
        "cites": "F1",
    }
    return Tell(**{**values, **how})


def ruled(event, *lines, **how):
    """The default policy with these lines for an event, and no others."""
    rules = replace(policy().events[event], tell=lines, **how)
    return replace(policy(), events={**policy().events, event: rules})


def met(what, rules, known=KNOWN, **how):
    found = situation(what, known, rules, TEAMS[what.sender], NOW, directory=DIRECTORY)
    return replace(found, **how)


def decided(what, team, *ties, lines=(), known=KNOWN, rules=None, **how):
    """The decision on one team that stands so, by these lines; `how` changes what the message meets."""
    rules = rules or ruled(what.event, *(lines or (line(),)))
    team = TEAMS[team] if isinstance(team, str) else team
    return decide(met(what, rules, known, **how), Recipient(team, ties), rules)


def acting(**how):
    """A line that asks for an answer."""
    return line(**{"purpose": Purpose.ACTION, "within": elapsed(hours=8), **how})


# --- the whole of it ----------------------------------------------------------------------------------------------------


def test_a_decision_to_tell_says_why_by_which_line_how_much_and_by_when():
    broad = line(rule="broad", view=View.RISK, cites="F1, F2")
    urgent = acting(
        rule="urgent", view=View.POINTER, priority=Priority.URGENT, cites="F2, F3", ask="Say whether they came."
    )
    assert decided(ADMITTED, "visitors", Tie(HOUSEHOLD, "baby"), lines=(broad, urgent)) == Told(
        team_id="visitors",
        purpose=Purpose.ACTION,
        view=View.RISK,
        reason_code="involved-with-child",
        reason="The team works with a child or a pregnancy of the household.",
        priority=Priority.URGENT,
        due_at=NOW + timedelta(hours=8),
        known_to_sender=True,
        cites="F1, F2, F3",
        state=DeliveryState.READY,
        ask="Say whether they came.",
        rule="broad",
        confirm=(),
    )


def test_what_is_for_information_has_no_date_and_asks_nothing():
    informs = line(view=View.RISK, within=elapsed(hours=4), ask="Say whether they came.", cites="F5")
    assert decided(ADMITTED, "probation", Tie(OWN, "grandfather"), lines=(informs,)) == Told(
        team_id="probation",
        purpose=Purpose.INFORMATION,
        view=View.RISK,
        reason_code="involved-with-subject",
        reason="The team works with a person whom this is about.",
        cites="F5",
        rule="a line",
    )


def test_of_an_unconfirmed_tie_there_is_a_question_and_no_more():
    """Principle 3; what is confirmed and would be told nothing by it is not asked about."""
    doubtful = Tie(HOUSEHOLD, "baby", confirmed=False)
    sure = Tie(UNIVERSAL, "baby")
    lines = (acting(of=frozenset({HOUSEHOLD}), cites="F9"),)
    assert decided(ADMITTED, "visitors", sure, doubtful, lines=lines) == Told(
        team_id="visitors",
        purpose=Purpose.INFORMATION,
        view=View.EXISTENCE,
        reason_code="unconfirmed-involvement",
        reason="The team worked with somebody concerned, and has not confirmed that it still does.",
        cites="principle 3",
        rule="principle 3",
        confirm=(doubtful,),
    )


@pytest.mark.parametrize("how", [{"held": True}, {"restricted": True}])
def test_of_what_waits_for_a_lead_an_unconfirmed_team_is_not_even_asked(how):
    doubtful = Tie(OWN, "baby", confirmed=False)
    assert decided(GROWTH, "visitors", doubtful, **how) == Withheld(
        team_id="visitors",
        reason_code="unconfirmed",
        reason="The team's work with somebody concerned is not confirmed (principle 3).",
        view=View.EXISTENCE,
        known_to_sender=False,
    )


def test_of_a_routine_event_neither_and_of_what_no_line_tells_there_is_nothing_to_confirm():
    doubtful = Tie(OWN, "baby", confirmed=False)
    routine = ruled(Event.CONCERN, line(), routine=True)
    assert decided(GROWTH, "visitors", doubtful, rules=routine).reason_code == NotTold.UNCONFIRMED
    others = (line(of=frozenset({ADDED})),)
    assert decided(GROWTH, "visitors", doubtful, lines=others).reason_code == NotTold.NO_RULE


def test_what_is_no_longer_current_is_told_to_the_unconfirmed_too():
    """Principle 14: they may still expect something."""
    doubtful = Tie(OWN, "mother", confirmed=False)
    ended = line(view=View.ENDED, of=frozenset({OWN}))
    loss = message("pregnancy-end", "mother")
    assert decided(loss, "visitors", doubtful, lines=(ended,)).view is View.ENDED
    assert decided(ISOLATION, "visitors", doubtful, lines=(line(),)).view is View.EXISTENCE


# --- why ----------------------------------------------------------------------------------------------------------------

EXPECTING = world(home("mother", "father", "grandfather", "unborn"))


@pytest.mark.parametrize(
    ("tie", "known", "code", "reason"),
    [
        (Tie(OWN, "grandfather"), KNOWN, "involved-with-subject", "The team works with a person whom this is about."),
        (Tie(HOUSEHOLD, "baby"), KNOWN, "involved-with-child", "The team works with a child or a pregnancy of the household."),
        (Tie(HOUSEHOLD, "mother"), EXPECTING, "involved-with-child", "The team works with a child or a pregnancy of the household."),
        (Tie(HOUSEHOLD, "mother"), KNOWN, "involved-in-household", "The team works with somebody of the household."),
        (Tie(HOUSEHOLD, "father"), EXPECTING, "involved-in-household", "The team works with somebody of the household."),
        (Tie(UNIVERSAL, "baby"), KNOWN, "universal-service", "The team provides health visiting to every pregnancy or child of that age in its care."),
        (Tie(ADDRESSED), KNOWN, "addressed", "The sender addressed the team."),
        (Tie(ADDED), KNOWN, "added-by-policy", "The policy has health visiting told of this."),
        (Tie(EARLIER), KNOWN, "earlier-message", "The team sent, or was told of, the message that this one follows."),
    ],
)  # fmt: skip
def test_every_way_in_which_a_team_stands_is_a_reason_of_its_own(tie, known, code, reason):
    lines = (line(view=View.RISK),)
    told = decided(ADMITTED, "visitors", tie, known=known, lines=lines)
    assert (told.reason_code, told.reason) == (code, reason)


def test_the_tie_that_allows_most_gives_the_reason_and_of_equal_ones_the_first():
    lines = (line(),)
    through_both = (Tie(HOUSEHOLD, "baby"), Tie(HOUSEHOLD, "father"))
    assert decided(ADMITTED, "visitors", *through_both, lines=lines).reason_code == "involved-with-child"
    assert decided(ADMITTED, "visitors", *reversed(through_both), lines=lines).reason_code == "involved-in-household"
    asked = (Tie(HOUSEHOLD, "baby"), Tie(ADDRESSED))
    assert decided(ADMITTED, "visitors", *asked, lines=lines).reason_code == "addressed", (
        "what is written to it is full"
    )


def test_who_was_told_less_of_the_earlier_message_and_sent_it_too_gets_all_of_this_one():
    lines = (line(),)
    less, sent = Tie(EARLIER, most=View.RISK), Tie(EARLIER)
    assert decided(ADMITTED, "visitors", less, lines=lines).view is View.RISK
    assert decided(ADMITTED, "visitors", less, sent, lines=lines).view is View.FULL


@pytest.mark.parametrize(
    ("how", "why", "reason"),
    [
        ({"sealed": True}, "sealed", "The record is sealed: nothing links it to anybody (principle 11)."),
        ({"barred": frozenset({"trust"})}, "agency-of-restricted-party", "The sender keeps it from every agency of somebody whom this agency works with, registers or employs (principle 8)."),
        ({"over": True}, "pregnancy-ended", "The pregnancy is no longer current (principle 14)."),
        ({"goes_on": True}, "pregnancy-goes-on", "The pregnancy goes on with another child: that it ended must not be told (principle 14)."),
        ({"addressed_only": True}, "professional-view", "The sender's professional tells only those addressed (principle 8)."),
    ],
)  # fmt: skip
def test_what_is_refused_whatever_a_line_says_is_refused_with_its_reason(how, why, reason):
    own = Tie(OWN, "baby")
    assert decided(GROWTH, "visitors", own).view is View.FULL
    assert decided(GROWTH, "visitors", own, **how) == Withheld(team_id="visitors", reason_code=why, reason=reason)
    addressed = decided(GROWTH, "visitors", own, Tie(ADDRESSED), **how)
    assert isinstance(addressed, Told) is (why == "professional-view"), "the rest holds for those addressed too"


def test_of_several_refusals_the_one_that_gives_least_away_is_the_reason():
    refusals = {"sealed": True, "barred": frozenset({"trust"}), "over": True, "goes_on": True, "addressed_only": True}
    order = ["sealed", "agency-of-restricted-party", "pregnancy-ended", "pregnancy-goes-on", "professional-view"]
    found = []
    while refusals:
        found.append(decided(GROWTH, "visitors", Tie(OWN, "baby"), **refusals).reason_code)
        refusals.pop(next(iter(refusals)))
    assert found == order


def test_a_party_that_is_kept_out_keeps_out_no_other_agency():
    assert isinstance(decided(GROWTH, "visitors", Tie(OWN, "baby"), barred=frozenset({"council"})), Told)


@pytest.mark.parametrize(
    ("team", "ties", "why"),
    [
        ("probation", (Tie(HOUSEHOLD, "father"),), NotTold.ADULT_ONLY),
        ("probation", (Tie(HOUSEHOLD, "father"), Tie(OWN, "mother")), NotTold.NO_RULE),
        ("other-practice", (Tie(HOUSEHOLD, "father"),), NotTold.ADULT_ONLY),
        ("visitors", (Tie(HOUSEHOLD, "baby"),), NotTold.NO_RULE),
        ("police", (Tie(HOUSEHOLD, "father"),), NotTold.NO_RULE),
    ],
)
def test_where_no_line_tells_a_team_the_reason_says_how_it_stands(team, ties, why):
    assert decided(ISOLATION, team, *ties, lines=(line(of=frozenset({ADDED})),)).reason_code == why


@pytest.mark.parametrize(
    ("missing", "why"),
    [
        ({}, None),
        ({"author": None}, NotTold.NO_PROFESSIONAL),
        ({"basis": None}, NotTold.NO_PROFESSIONAL),
        ({"author": None, "basis": None}, NotTold.NO_PROFESSIONAL),
    ],
)
def test_where_nobody_stands_behind_telling_others_that_is_the_reason(missing, why):
    """Principle 8: a named professional and a lawful basis, both."""
    asks = message("referral", "baby", sender="practice")
    own = decided(replace(asks, **missing), "visitors", Tie(OWN, "baby"))
    assert (own.reason_code if isinstance(own, Withheld) else None) == why
    for tie in (Tie(ADDRESSED), Tie(EARLIER)):
        assert isinstance(decided(replace(asks, **missing), "visitors", tie), Told), "on the sender's own word"


def test_what_a_rule_approved_for_the_event_tells_needs_no_name():
    assert isinstance(decided(replace(GROWTH, author=None, basis=None), "visitors", Tie(OWN, "baby")), Told)
    unruled = decided(
        replace(GROWTH, author=None, basis=None), "visitors", Tie(OWN, "baby"), lines=(line(of=frozenset({ADDED})),)
    )
    assert unruled.reason_code == NotTold.NO_RULE


# --- how much -------------------------------------------------------------------------------------------------------------


def test_a_line_tells_its_functions_and_its_groups_and_nobody_else():
    nobody: dict[str, frozenset[str]] = {"functions": frozenset(), "groups": frozenset()}
    by_function = (line(**{**nobody, "functions": frozenset({Function.HEALTH_VISITING})}),)
    by_group = (line(**{**nobody, "groups": frozenset({Group.CHILD_FACING})}),)
    for lines, told in ((by_function, {"visitors"}), (by_group, {"visitors", "practice"})):
        decisions = {
            team: decided(message("concern", "baby", kind="growth"), team, Tie(OWN, "baby"), lines=lines)
            for team in ("visitors", "practice", "cmht")
        }
        assert {team for team, decision in decisions.items() if isinstance(decision, Told)} == told


def test_where_the_limits_list_nothing_nothing_is_told():
    assert decided(GROWTH, "police", Tie(UNIVERSAL, "baby")).reason_code == NotTold.NO_RULE
    assert decided(GROWTH, "police", Tie(OWN, "baby")).view is View.FULL


def test_of_a_message_about_several_each_tie_is_limited_by_whom_it_is_through():
    both = message("concern", "mother", "baby", kind="growth", sender="practice")
    rules = ruled(Event.CONCERN, line())
    narrow = {(Group.CHILD_FACING, OWN, About.ADULT): frozenset({View.RISK})}
    rules = replace(rules, limits={**rules.limits, **narrow})
    assert decided(both, "visitors", Tie(OWN, "mother"), rules=rules).view is View.RISK
    assert decided(both, "visitors", Tie(OWN, "baby"), rules=rules).view is View.FULL
    assert decided(both, "visitors", Tie(OWN, "mother"), Tie(OWN, "baby"), rules=rules).view is View.FULL


def test_a_system_that_cannot_keep_the_mark_gets_a_pointer_in_place_of_what_is_told():
    careless = replace(TEAMS["visitors"], honours_marks=False)
    for view in (View.FULL, View.RISK, View.POINTER):
        assert decided(GROWTH, careless, Tie(OWN, "baby"), lines=(line(view=view),)).view is View.POINTER
        assert decided(GROWTH, "visitors", Tie(OWN, "baby"), lines=(line(view=view),)).view is view
        unmarked = decided(GROWTH, careless, Tie(OWN, "baby"), lines=(line(view=view),), marked=False)
        assert unmarked.view is view
    assert decided(GROWTH, careless, Tie(OWN, "baby"), lines=(line(view=View.ENDED),)).view is View.ENDED


# --- for action, and by when ------------------------------------------------------------------------------------------------


def test_the_earliest_date_counts_with_its_own_priority_and_what_it_cites():
    slow = acting(rule="slow", within=elapsed(days=3), priority=Priority.STAT, cites="F1")
    fast = acting(rule="fast", within=elapsed(hours=2), priority=Priority.URGENT, cites="F2", ask="Now?")
    for lines in ((slow, fast), (fast, slow)):
        told = decided(GROWTH, "visitors", Tie(OWN, "baby"), lines=lines)
        assert (told.due_at, told.priority, told.ask) == (NOW + timedelta(hours=2), Priority.URGENT, "Now?")
        assert set(told.cites.split(", ")) == {lines[0].cites, "F2"}
        assert told.rule == lines[0].rule


def test_of_two_lines_of_the_same_date_and_view_the_first_counts():
    first, second = acting(rule="first", cites="F1", ask="First?"), acting(rule="second", cites="F2", ask="Second?")
    told = decided(GROWTH, "visitors", Tie(OWN, "baby"), lines=(first, second))
    assert (told.rule, told.cites, told.ask) == ("first", "F1", "First?")


def test_of_the_same_view_the_line_that_asks_for_an_answer_gives_the_rule():
    told = decided(GROWTH, "visitors", Tie(OWN, "baby"), lines=(line(rule="informs"), acting(rule="asks")))
    assert (told.rule, told.purpose) == ("asks", Purpose.ACTION)
    broader = decided(
        GROWTH, "visitors", Tie(OWN, "baby"), lines=(line(rule="informs"), acting(rule="asks", view=View.RISK))
    )
    assert (broader.rule, broader.view, broader.purpose) == ("informs", View.FULL, Purpose.ACTION)


def test_the_first_line_for_action_that_asks_for_something_in_words_is_what_is_asked():
    lines = (line(ask="No."), acting(), acting(ask="Yes?"), acting(ask="Later?"))
    assert decided(GROWTH, "visitors", Tie(OWN, "baby"), lines=lines).ask == "Yes?"


def test_nobody_bereaved_is_asked_for_anything():
    told = decided(GROWTH, "visitors", Tie(OWN, "baby"), lines=(acting(ask="Weigh the baby."),), bereaved=True)
    assert (told.purpose, told.due_at, told.ask) == (Purpose.INFORMATION, None, None)


@pytest.mark.parametrize(
    ("line_has", "said", "due", "priority"),
    [
        ({"within": elapsed(hours=30)}, "routine", timedelta(hours=30), "routine"),
        ({"within": None, "priority": Priority.URGENT}, "routine", timedelta(hours=20), "urgent"),
        ({"within": elapsed(hours=30)}, "urgent", timedelta(hours=20), "urgent"),
        ({"within": elapsed(hours=10)}, "urgent", timedelta(hours=10), "urgent"),
        ({"within": elapsed(hours=10)}, "stat", timedelta(minutes=50), "stat"),
        ({"within": elapsed(hours=10), "priority": Priority.STAT}, "urgent", timedelta(hours=10), "stat"),
        ({"within": None, "priority": Priority.ASAP}, "urgent", timedelta(hours=3), "asap"),
    ],
)
def test_a_date_is_the_lines_or_its_prioritys_and_sooner_where_the_sender_is_more_urgent(line_has, said, due, priority):
    deadlines = {
        Priority.ROUTINE: elapsed(days=9),
        Priority.URGENT: elapsed(hours=20),
        Priority.ASAP: elapsed(hours=3),
        Priority.STAT: elapsed(minutes=50),
    }
    rules = replace(ruled(Event.CONCERN, acting(**line_has)), deadlines=deadlines)
    told = decided(replace(GROWTH, priority=Priority(said)), "visitors", Tie(OWN, "baby"), rules=rules)
    assert (told.due_at, told.priority) == (NOW + due, Priority(priority))


@pytest.mark.parametrize("said", [Priority.ROUTINE, Priority.URGENT])
def test_working_days_are_counted_by_the_teams_own_calendar(said):
    closed = replace(TEAMS["visitors"], calendar=Calendar(frozenset({date(2026, 3, 3)})))
    deadlines = {**policy().deadlines, Priority.URGENT: working_days(1)}
    rules = replace(ruled(Event.CONCERN, acting(within=working_days(1))), deadlines=deadlines)
    what = replace(GROWTH, priority=said)
    assert decided(what, "visitors", Tie(OWN, "baby"), rules=rules).due_at == TOMORROW
    assert decided(what, closed, Tie(OWN, "baby"), rules=rules).due_at == NOW + timedelta(days=2)


# --- what the sender may know -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("team", "ties", "known_to"),
    [
        ("visitors", (Tie(OWN, "mother"),), True),  # a child's service
        ("cmht", (Tie(OWN, "mother"),), False),  # whom midwives need not know of
        ("cmht", (Tie(OWN, "mother"), Tie(ADDRESSED)), True),  # unless they named it
    ],
)
def test_the_sender_knows_of_whom_it_may_know_and_whom_it_addressed(team, ties, known_to):
    assert decided(ISOLATION, team, *ties).known_to_sender is known_to


def test_where_a_protected_address_would_be_given_away_the_sender_knows_only_whom_it_addressed():
    hidden = world(FAMILY, baby=protected_at("p", "birmingham", "visitors"))
    assert not decided(ISOLATION, "visitors", Tie(OWN, "mother"), known=hidden).known_to_sender
    assert decided(ISOLATION, "visitors", Tie(OWN, "mother"), Tie(ADDRESSED), known=hidden).known_to_sender


# --- how a team stands: child-facing, or for one adult alone ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ties", "what", "known", "group"),
    [
        ((Tie(OWN, "baby"),), GROWTH, KNOWN, Group.CHILD_FACING),
        ((Tie(HOUSEHOLD, "father"),), GROWTH, KNOWN, Group.ADULT_ONLY),
        ((Tie(OWN, "mother"),), ISOLATION, KNOWN, Group.ADULT_ONLY),
        ((Tie(HOUSEHOLD, "father"), Tie(HOUSEHOLD, "baby")), ISOLATION, KNOWN, Group.CHILD_FACING),
        ((Tie(HOUSEHOLD, "father"), Tie(UNIVERSAL, "baby")), ISOLATION, KNOWN, Group.CHILD_FACING),
        ((Tie(HOUSEHOLD, "mother"),), ADMITTED, EXPECTING, Group.CHILD_FACING),  # who is pregnant
        ((Tie(HOUSEHOLD, "father"),), ADMITTED, EXPECTING, Group.ADULT_ONLY),
        ((Tie(ADDRESSED),), GROWTH, KNOWN, Group.CHILD_FACING),  # it works with nobody here yet
        ((Tie(ADDRESSED), Tie(HOUSEHOLD, "father")), GROWTH, KNOWN, Group.ADULT_ONLY),
        ((Tie(EARLIER), Tie(ADDED)), GROWTH, KNOWN, Group.CHILD_FACING),
        ((Tie(OWN, "baby"),), GROWTH, replace(KNOWN, people={}), Group.CHILD_FACING),  # a child by the message alone
    ],
)
def test_a_practice_is_the_childs_or_an_adults(ties, what, known, group):
    assert group_of(met(what, policy(), known), Recipient(TEAMS["practice"], ties), policy()) is group


@pytest.mark.parametrize(
    ("team", "group"),
    [("visitors", Group.CHILD_FACING), ("cmht", Group.ADULT_ONLY), ("police", Group.OWN_CLIENT), ("mash", Group.COORDINATING)],
)  # fmt: skip
def test_any_other_team_stands_as_its_function_does(team, group):
    for tie in (Tie(HOUSEHOLD, "father"), Tie(OWN, "baby")):
        assert group_of(met(GROWTH, policy()), Recipient(TEAMS[team], (tie,)), policy()) is group


# --- who works only with a possible source of harm (principle 6) ------------------------------------------------------------------

FROM_HIM = {"sources": frozenset({"father"})}


@pytest.mark.parametrize(
    ("what", "team", "ties", "how", "refused"),
    [
        (GROWTH, "probation", (Tie(HOUSEHOLD, "father"),), FROM_HIM, True),
        (GROWTH, "police", (Tie(HOUSEHOLD, "father"),), FROM_HIM, True),
        (GROWTH, "probation", (Tie(HOUSEHOLD, "father"), Tie(HOUSEHOLD, "mother")), FROM_HIM, False),
        (GROWTH, "probation", (Tie(HOUSEHOLD, "mother"),), FROM_HIM, False),
        (GROWTH, "early-help", (Tie(HOUSEHOLD, "father"),), FROM_HIM, False),  # works for children
        (GROWTH, "probation", (Tie(HOUSEHOLD, "father"),), {"sources": frozenset()}, False),
        (GROWTH, "probation", (Tie(EARLIER),), FROM_HIM, False),  # works with nobody here
        (message("concern", "father", kind="isolation", sender="practice"), "probation", (Tie(OWN, "father"),), FROM_HIM, False),
        (message("concern", "father", kind="injury", sender="practice"), "probation", (Tie(OWN, "father"),), FROM_HIM, True),
        (message("concern", "mother", kind="isolation", sender="practice"), "probation", (Tie(HOUSEHOLD, "father"),), FROM_HIM, True),
    ],
)  # fmt: skip
def test_who_works_only_with_a_source_of_harm_learns_nothing_that_concerns_others(what, team, ties, how, refused):
    lines = (line(), line(view=View.SAFETY), line(view=View.POINTER))
    decision = decided(what, team, *ties, lines=lines, **how)
    assert (decision.reason_code == NotTold.SOURCE_OF_HARM) is refused
    if refused:
        assert decision.reason.startswith("The team works only with somebody who may be a source of the harm")


def test_who_works_only_with_a_source_and_is_addressed_waits_for_the_lead():
    """The rest of the sender's word stands: it is not lost, and not told at once."""
    told = decided(INJURY, "probation", Tie(HOUSEHOLD, "father"), Tie(ADDRESSED), **FROM_HIM)
    assert (told.state, told.view) == (DeliveryState.HELD, View.FULL)
    informed = decided(INJURY, "early-help", Tie(HOUSEHOLD, "father"), Tie(ADDRESSED), **FROM_HIM)
    assert informed.state is DeliveryState.READY


# --- another person's facts reach an adult's team through the lead (principle 5) ----------------------------------------------------


@pytest.mark.parametrize(
    ("what", "team", "ties", "view", "state"),
    [
        (GROWTH, "cmht", (Tie(ADDRESSED),), View.FULL, DeliveryState.HELD),  # of a child
        (GROWTH, "cmht", (Tie(ADDRESSED),), View.RISK, DeliveryState.HELD),
        (GROWTH, "cmht", (Tie(ADDRESSED),), View.POINTER, DeliveryState.READY),  # which tells no facts
        (ISOLATION, "cmht", (Tie(ADDRESSED),), View.FULL, DeliveryState.READY),  # an adult who may be its own
        (ISOLATION, "cmht", (Tie(ADDRESSED), Tie(HOUSEHOLD, "grandfather")), View.FULL, DeliveryState.HELD),  # and is not
        (ISOLATION, "cmht", (Tie(ADDRESSED), Tie(OWN, "mother")), View.FULL, DeliveryState.READY),
        (ISOLATION, "cmht", (Tie(ADDRESSED), Tie(OWN, "mother"), Tie(HOUSEHOLD, "grandfather")), View.FULL, DeliveryState.READY),
        (GROWTH, "cmht", (Tie(ADDRESSED), Tie(OWN, "baby")), View.FULL, DeliveryState.READY),  # its own client
        (GROWTH, "visitors", (Tie(ADDRESSED),), View.FULL, DeliveryState.READY),
        (GROWTH, "police", (Tie(ADDRESSED),), View.FULL, DeliveryState.READY),
        (GROWTH, "cmht", (Tie(EARLIER),), View.FULL, DeliveryState.READY),  # an answer to what it asked
        (message("referral", "baby", sender="practice"), "cmht", (Tie(ADDRESSED),), View.FULL, DeliveryState.READY),  # asked to take on
    ],
)  # fmt: skip
def test_an_adults_team_that_is_addressed_waits_for_the_lead_where_it_is_about_another(what, team, ties, view, state):
    lines = (line(view=view, of=frozenset({ADDRESSED, EARLIER})),)
    told = decided(what, team, *ties, lines=lines)
    assert (told.state, told.view) == (state, view)


# --- what is held (principle 7) ---------------------------------------------------------------------------------------------------

CHANGE = message("supervision-change", "father", sender="probation")
HELD, RESTRICTED = {"held": True}, {"restricted": True}
READY, WAITS = DeliveryState.READY, DeliveryState.HELD


@pytest.mark.parametrize(
    ("team", "ties", "how", "state"),
    [
        ("prison", (Tie(OWN, "father"),), HELD, READY),  # responsible authorities about their own client
        ("prison", (Tie(ADDRESSED),), HELD, READY),
        ("prison", (Tie(HOUSEHOLD, "mother"),), HELD, WAITS),
        ("prison", (Tie(OWN, "father", confirmed=False), Tie(HOUSEHOLD, "mother")), HELD, WAITS),
        ("visitors", (Tie(OWN, "father"),), HELD, WAITS),
        ("visitors", (Tie(ADDRESSED),), HELD, WAITS),
        ("visitors", (Tie(OWN, "father"),), RESTRICTED, READY),
        ("visitors", (Tie(ADDRESSED),), RESTRICTED, READY),
        ("visitors", (Tie(HOUSEHOLD, "baby"),), RESTRICTED, WAITS),
        ("visitors", (Tie(OWN, "father"),), HELD | RESTRICTED, WAITS),
        ("refuge", (Tie(OWN, "father"),), HELD, None),  # which the lead may not release to
        ("refuge", (Tie(HOUSEHOLD, "mother"),), RESTRICTED, None),
        ("refuge", (Tie(OWN, "father"),), RESTRICTED, READY),
        ("probation-lead", (Tie(ADDED),), HELD, READY),  # the sender's own lead
        ("probation-lead", (Tie(ADDED),), RESTRICTED, READY),
        ("trust-lead", (Tie(ADDED),), HELD, None),  # another agency's
        ("visitors", (Tie(OWN, "father"),), {}, READY),
        ("refuge", (Tie(OWN, "father"),), {}, READY),
    ],
)
def test_what_is_held_goes_to_the_lead_and_to_whom_the_lead_may_release_it(team, ties, how, state):
    lines = (line(), line(view=View.POINTER))
    decision = decided(CHANGE, team, *ties, lines=lines, about=About.ADULT, **how)
    assert (decision.state if isinstance(decision, Told) else None) == state
    if state is None:
        reason = "It is held for release, and this function is not among those it may be released to (principle 7)."
        assert decision == Withheld(team_id=team, reason_code="held-not-for-this-function", reason=reason)


def test_a_decision_against_telling_tells_nothing_but_why():
    assert withheld("police", NotTold.NO_RULE) == Withheld(
        team_id="police",
        reason_code="no-rule",
        reason="No rule of the policy tells this function, standing so, of such an event (principle 1).",
        view=View.EXISTENCE,
        known_to_sender=False,
    )
