"""What a view shows: the reduced copy of a message for one recipient, by the category of each fact; who gets which view is in `sharing.py`.

Every category that a view lacks is left out, with whatever would tell the same: the event's code and kind, its time, its
sender, persons nobody need know of.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from broker.domain import naming, parties, pointing
from broker.domain.naming import Reader
from broker.domain.rules import Group, Policy
from broker.domain.situation import Situation, situation
from broker.domain.states import View
from broker.domain.world import Directory, Team, World
from schemas.codes import Category, Event
from schemas.events import FACTS
from schemas.message import Fact, HouseholdMember, Message, Relationship

_OF_A_PERSON: Final = frozenset({Category.HEALTH, Category.OFFENCE, Category.RESTRICTED})
"""Categories that are somebody's own record: shown about whom the reader works with, and nobody else (principles 4 and 5)."""
_SHOWS_KIN: Final = frozenset({View.FULL, View.RISK})


@dataclass(frozen=True, slots=True)
class Original:
    """A message that is to be copied for several, with what all of them meet in it; nothing here depends on who reads."""

    message: Message
    met: Situation
    """Of the message without those whom no copy names."""


def render(
    message: Message,
    recipient: Team,
    view: View,
    *,
    reason_code: str,
    world: World,
    directory: Directory,
    policy: Policy,
    told_at: datetime,
    released: bool = False,
    agreed: frozenset[str] = frozenset(),
    unnamed: frozenset[str] = frozenset(),
    homes: frozenset[str] = frozenset(),
) -> Message:
    """The copy that this team gets in this view.

    `message` has persons keyed by their ids, `sender` filled in. `reason_code` is the delivery's: it says for whose sake the
    team is told. `told_at` stands in for the time of the event where a view does not say what happened. `released`: the
    safeguarding lead has released restricted facts to it. `agreed`: children whom it has agreed to name. `unnamed`: children whom
    an earlier transfer to the team does not name. `homes`: households that a transfer covers
    besides its subjects'. The sender itself gets what it sent.
    """
    return copy_of(
        original(message, world=world, directory=directory, policy=policy, told_at=told_at, homes=homes),
        recipient,
        view,
        reason_code=reason_code,
        directory=directory,
        policy=policy,
        released=released,
        agreed=agreed,
        unnamed=unnamed,
    )


def original(
    message: Message,
    *,
    world: World,
    directory: Directory,
    policy: Policy,
    told_at: datetime,
    homes: frozenset[str] = frozenset(),
) -> Original:
    """The message looked at once for all copies that are made with this world, told at this time; the rest is each reader's."""
    sender = directory.teams[message.sender or ""]
    unspoken = parties.unspoken(message)
    spoken = replace(message, people=tuple(p for p in message.people if p.key not in unspoken), kept_from=())
    return Original(message, situation(spoken, world, policy, sender, told_at, homes=homes))


def copy_of(
    one: Original,
    recipient: Team,
    view: View,
    *,
    reason_code: str,
    directory: Directory,
    policy: Policy,
    released: bool = False,
    agreed: frozenset[str] = frozenset(),
    unnamed: frozenset[str] = frozenset(),
) -> Message:
    """As `render`, of a message that was looked at before."""
    message, met = one.message, one.met
    if message.sender == recipient.id:
        return message
    who = naming.reader(met, recipient, view, reason_code, policy, released=released, agreed=agreed, unnamed=unnamed)
    people = naming.persons(met, who)
    keys = frozenset(person.key for person in people)
    told = _as_told(met, who) if Category.EVENT in who.categories else _only_that(met, who)
    return replace(
        met.message,
        **told,
        subjects=tuple(subject for subject in message.subjects if subject in keys) or tuple(p.key for p in people),
        people=people,
        relationships=_relationships(met, who, keys),
        household=_household(met, who, keys),
        facts=_facts(met, who, keys, policy, directory),
        to=(recipient.id,) if recipient.id in message.to else (),
        labels=_labels(met, who, policy),
    )


def _as_told(met: Situation, who: Reader) -> dict[str, Any]:
    """What happened and when, by whom it is told: what is otherwise than in the message."""
    message = met.message
    kind = message.kind
    if met.rules.kind_category is not Category.EVENT and met.rules.kind_category not in who.categories:
        kind = None
    return {**_signed(who), "kind": kind, "sent": message.sent or met.now}


def _only_that(met: Situation, who: Reader) -> dict[str, Any]:
    """That there is something. An end is named, for it must be acted on, and nothing else of it (principle 14)."""
    ended = who.view is View.ENDED and met.rules.quiet
    return {
        **_signed(who),
        "event": met.message.event if ended else Event.INFORMATION,
        "kind": None,
        "occurred": met.now,
        "sent": met.now,
        "basis": None,
        "reference": None,
        "conversation": None,
    }


def _signed(who: Reader) -> dict[str, Any]:
    """With the sender to speak to, where the view says whom to contact and neither place nor function gives anybody away."""
    if who.view in _SHOWS_KIN and Category.CONTACT in who.categories and not who.hidden:
        return {}
    return {"sender": None, "author": None}


def _relationships(met: Situation, who: Reader, keys: frozenset[str]) -> tuple[Relationship, ...]:
    if who.view not in _SHOWS_KIN:
        return ()
    return tuple(relation for relation in naming.kin(met) if {relation.person, relation.to} <= keys)


def _household(met: Situation, who: Reader, keys: frozenset[str]) -> tuple[HouseholdMember, ...]:
    if Category.HOUSEHOLD not in who.categories or who.group is Group.ADULT_ONLY or who.hidden:
        return ()
    return tuple(member for member in met.message.household if member.person in keys)


def _facts(met: Situation, who: Reader, keys: frozenset[str], policy: Policy, directory: Directory) -> tuple[Fact, ...]:
    if who.view is View.POINTER:
        return pointing.pointer(met, who.team, policy, directory)
    facts = zip(met.message.facts, met.categories, strict=True)
    kept = (fact for fact, category in facts if _shown(met, who, keys, fact, category))
    return tuple(fact if fact.about is None or fact.about in keys else replace(fact, about=None) for fact in kept)


def _shown(met: Situation, who: Reader, keys: frozenset[str], fact: Fact, category: Category) -> bool:
    if category not in who.categories or fact.code not in FACTS:
        return False
    if category is Category.STAFF_SAFETY or (category is Category.RESTRICTED and who.released):
        return True
    about = frozenset({fact.about}) if fact.about else frozenset(met.message.subjects)
    if not about <= keys:
        return False
    if category is Category.LOCATION:
        return about.isdisjoint(met.protected)
    if category is Category.CONTACT:
        return not who.hidden
    if category is Category.OFFENCE and who.child_facing and who.reason_code not in naming.BY_WORD:
        return False
    return category not in _OF_A_PERSON or about <= who.own


def _labels(met: Situation, who: Reader, policy: Policy) -> frozenset[str]:
    marks = policy.marks
    kept = met.message.labels & marks.copied if who.view in _SHOWS_KIN else frozenset()
    return kept | {marks.not_for_family} if met.marked or who.view is not View.FULL else kept
