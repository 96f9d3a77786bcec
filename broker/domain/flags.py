"""What holds of a message and its household, as the flags that conditions of rules are made of."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from broker.domain.conditions import Flag
from broker.domain.kinship import unborn_of
from broker.domain.rules import EventRules, Policy
from broker.domain.states import PersonState
from broker.domain.world import KnownPerson, World
from schemas.codes import Category
from schemas.message import Coding, Message

FIVE_YEARS: Final = 1826
ONE_YEAR: Final = 365
"""Days; leap days counted down."""
_NOT_HOME: Final = frozenset({"hospital", "custody"})
"""Where somebody goes (`discharge-destination`) who does not come to anybody's home."""


def flags(
    message: Message,
    world: World,
    policy: Policy,
    rules: EventRules,
    children: tuple[KnownPerson, ...],
    child_subjects: frozenset[str],
    categories: tuple[Category, ...],
    now: datetime,
) -> Iterator[Flag]:
    """Every flag that holds; `children` are those at home, `child_subjects` those whom the message is about."""
    yield from _at_home(children, expecting=rules.pregnancy and not rules.quiet, now=now)
    yield from _of_subjects(message, world, policy, rules, child_subjects, now)
    stated = {category for fact, category in zip(message.facts, categories, strict=True) if fact.value is not False}
    if Category.RISK in stated:
        yield Flag.RISK_STATED
    if Category.STAFF_SAFETY in stated:
        yield Flag.STAFF_SAFETY_STATED
    if any(fact.code == "discharge-destination" and _code(fact.value) in _NOT_HOME for fact in message.facts):
        yield Flag.NOT_HOME_YET
    if any(fact.code == "carers-assessment-recommended" and fact.value is True for fact in message.facts):
        yield Flag.CARERS_ASSESSMENT


def _code(value: object) -> str | None:
    return value.code if isinstance(value, Coding) else None


def _at_home(children: tuple[KnownPerson, ...], *, expecting: bool, now: datetime) -> Iterator[Flag]:
    unborn = expecting or any(child.state is PersonState.UNBORN for child in children)
    ages = [0 if child.state is PersonState.UNBORN else child.age_days(now) for child in children]
    known = [age for age in ages if age is not None]
    if children or unborn:
        yield Flag.CHILD_AT_HOME
    if unborn:
        yield Flag.PREGNANCY_AT_HOME
    if unborn or any(age < FIVE_YEARS for age in known):
        yield Flag.UNDER_FIVE_AT_HOME
    if unborn or any(age < ONE_YEAR for age in known):
        yield Flag.BABY_AT_HOME


def _of_subjects(
    message: Message, world: World, policy: Policy, rules: EventRules, child_subjects: frozenset[str], now: datetime
) -> Iterator[Flag]:
    for subject in message.subjects:
        known = world.people.get(subject)
        pregnant = rules.pregnancy or bool(unborn_of(world, subject))
        if pregnant:
            yield Flag.SUBJECT_IS_PREGNANT
        yield Flag.SUBJECT_IS_CHILD if subject in child_subjects else Flag.SUBJECT_IS_ADULT
        if subject in child_subjects and known is not None and known.state is not PersonState.UNBORN:
            age = known.age_days(now)
            if age is not None and age < ONE_YEAR:
                yield Flag.SUBJECT_IS_BABY
            if known.expected is not None:
                yield Flag.SUBJECT_WAS_EXPECTED
            if not _mobile(message, subject, age, policy):
                yield Flag.SUBJECT_NOT_MOBILE


def _mobile(message: Message, child: str, age_days: int | None, policy: Policy) -> bool:
    """As stated; else by age, and in doubt not: a bruise then means something else (F17)."""
    for fact in message.facts:
        if fact.code == "independently-mobile" and fact.about in (child, None):
            return fact.value is True
    return age_days is not None and age_days >= policy.mobile_from_days
