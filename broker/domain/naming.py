"""Which persons of a household a recipient is told of, and how much of each: whom it works with, whom it must know by name, nobody else."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from broker.domain.kinship import mothers_of
from broker.domain.reasons import Why
from broker.domain.rules import About, Group, Policy
from broker.domain.situation import Situation
from broker.domain.states import PersonState, View
from broker.domain.vicinity import clients_of
from broker.domain.world import KnownPerson, Team
from schemas.codes import Category, Event, Function, RelationshipKind
from schemas.identifiers import CRN, NHS_NUMBER, NOMS_NUMBER, agency_of
from schemas.message import Identifier, Message, Person, Relationship

BY_WORD: Final = frozenset({Why.ADDRESSED.value, Why.EARLIER.value})
"""Told on somebody's own word: what they wrote is for this reader."""
_DISCLOSED: Final = BY_WORD | {Why.ADDED.value}
"""Reasons by which the subjects themselves are made known to a team that need not work with them yet."""
_JUSTICE_NUMBERS: Final = frozenset({CRN, NOMS_NUMBER})
TRANSFERS: Final = frozenset({Event.TRANSFER, Event.MATERNITY_DISCHARGE})
"""Events that hand children over to another team."""
_WHO_LIVES_TOGETHER: Final = frozenset({Event.HOUSEHOLD_UPDATE, Event.CHANGE_OF_ADDRESS})
_PARENTS: Final = frozenset({RelationshipKind.MOTHER, RelationshipKind.FATHER, RelationshipKind.PARENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A recipient, as far as rendering depends on it."""

    team: Team
    view: View
    reason_code: str
    categories: frozenset[Category]
    group: Group
    own: frozenset[str]
    """Persons of the household whom it works with, or whom the message is there to make known to it."""
    hidden: bool
    """A protected address is in play that it does not hold."""
    released: bool
    """A safeguarding lead has released restricted facts to it."""
    agreed: frozenset[str]
    """Children of a transfer whom the lead has agreed to name to it."""
    unnamed: frozenset[str]
    """Children whom an earlier transfer to it does not name."""

    @property
    def child_facing(self) -> bool:
        """Whether it stands here for a child."""
        return self.group is Group.CHILD_FACING


def reader(
    situation: Situation,
    team: Team,
    view: View,
    reason_code: str,
    policy: Policy,
    *,
    released: bool,
    agreed: frozenset[str] = frozenset(),
    unnamed: frozenset[str] = frozenset(),
) -> Reader:
    """Who reads, and for whom it works in this household."""
    clients = clients_of(situation.world, team.id, situation.subjects | situation.members)
    children = {child.id for child in situation.children} | situation.child_subjects | situation.expecting
    group = policy.groups[team.function]
    adults_only = bool(clients) and clients.isdisjoint(children) and not _registered(situation, team)
    if team.function in policy.only_with_child and adults_only:
        group = Group.ADULT_ONLY
    return Reader(
        team=team,
        view=view,
        reason_code=reason_code,
        categories=_categories(team, view, reason_code, group, policy, released=released),
        group=group,
        own=clients | _made_known(situation, group, reason_code),
        hidden=situation.hidden_from(team.id),
        released=released,
        agreed=agreed,
        unnamed=_merely_named(situation, unnamed - clients),
    )


def _categories(
    team: Team, view: View, reason_code: str, group: Group, policy: Policy, *, released: bool
) -> frozenset[Category]:
    """The view's, less what the group is never told, more what is released to it."""
    categories = policy.views[view]
    if reason_code not in BY_WORD:
        categories -= policy.never[group]
    if categories and (released or team.function in policy.hold.free):
        categories |= {Category.RESTRICTED}
    return categories


def _registered(situation: Situation, team: Team) -> bool:
    """Whether a child there, or the mother of one with no practice, is registered with this team."""
    for child in situation.children:
        holders = (child.id,) if child.practice else mothers_of(situation.world, child.id)
        if any((p := situation.world.people.get(h)) is not None and p.practice == team.ods_code for h in holders):
            return team.ods_code is not None
    return False


def _merely_named(situation: Situation, unnamed: frozenset[str]) -> frozenset[str]:
    """Those of them whom the message names and is not about; of who lives together the others are told as long as there are any.

    Who writes about that very child has decided anew whom to tell.
    """
    subjects = frozenset(situation.message.subjects)
    if situation.message.event in _WHO_LIVES_TOGETHER and subjects - unnamed:
        return unnamed
    return unnamed - subjects


def _made_known(situation: Situation, group: Group, reason_code: str) -> frozenset[str]:
    if reason_code not in _DISCLOSED:
        return frozenset()
    if reason_code in BY_WORD and group not in (Group.ADULT_ONLY, Group.OWN_CLIENT):
        return situation.subjects | {person.key for person in situation.message.people}
    return situation.subjects


def persons(situation: Situation, who: Reader) -> tuple[Person, ...]:
    """Everybody the copy names: first those of the message in its order, then whom the reader must know of besides."""
    whole, named = _whole(situation, who), _named(situation, who)
    unnamed = (frozenset(unnamed_children(situation.message, situation)) - who.agreed) | who.unnamed
    order = dict.fromkeys((*(person.key for person in situation.message.people), *sorted(whole | named)))
    return tuple(
        _whole_person(situation, who, key) if key in whole else _named_person(situation, key)
        for key in order
        if key in whole | named and _nameable(situation, who, key) and key not in unnamed
    )


def _nameable(situation: Situation, who: Reader, key: str) -> bool:
    """A sealed person never; one whose identity is protected only to who works with them (principles 10 and 11)."""
    known = situation.world.people.get(key)
    if known is not None and known.state is PersonState.SEALED:
        return False
    said = _said(situation.message, key)
    return said is None or not said.protected or key in who.own


def _whole(situation: Situation, who: Reader) -> frozenset[str]:
    """Whom the reader is given with what identifies them."""
    if not who.child_facing and who.group not in (Group.RECORDS, Group.COORDINATING):
        return who.own
    said = {person.key for person in situation.message.people}
    here = situation.subjects | situation.members | said
    children = {child.id for child in situation.children} | situation.expecting
    # A client whom it does not concern is left out, or it would be filed in that person's record too.
    whole = set(who.own & (said | situation.subjects | children) or who.own)
    taking_over = situation.message.event in TRANSFERS and who.view is View.FULL and who.child_facing
    if taking_over or (who.view in (View.FULL, View.RISK, View.POINTER) and not whole & children):
        whole |= children
    if situation.about is About.CHILD and who.view in (View.FULL, View.ENDED):
        whole |= situation.subjects
        whole |= {mother for child in situation.child_subjects for mother in mothers_of(situation.world, child)}
        whole |= {r.person for r in situation.message.relationships if r.kind is RelationshipKind.MOTHER}
    return frozenset(whole & here)


def _named(situation: Situation, who: Reader) -> frozenset[str]:
    """Whom the reader is given by name alone: an adult at home whom a child's team must know of (F5, 8.3)."""
    if not who.child_facing and who.group not in (Group.RECORDS, Group.COORDINATING):
        return frozenset()
    if who.view is View.FULL:
        return frozenset(person.key for person in situation.message.people) | frozenset(situation.message.subjects)
    return frozenset(situation.message.subjects) if who.view is View.RISK else frozenset()


def unnamed_children(message: Message, situation: Situation) -> Iterator[str]:
    """Children of the household whom a transfer does not name to the receiver until the sender's lead agrees (principle 12).

    Looked-after children, children whose identity is protected, and children known to have other parents than those transferred.
    """
    if message.event not in TRANSFERS:
        return
    for child in situation.children:
        said = _said(message, child.id)
        if (said is not None and said.protected) or (
            child.id not in message.subjects and (_looked_after(situation, child.id) or _of_others(situation, child.id))
        ):
            yield child.id


def kin(situation: Situation) -> tuple[Relationship, ...]:
    """Relationships that the message states or that are known, each once, the message's first."""
    known = (Relationship(person=r.person_id, kind=r.kind, to=r.to) for r in situation.world.relationships)
    return tuple(dict.fromkeys((*situation.message.relationships, *known)))


def _looked_after(situation: Situation, child: str) -> bool:
    evidence = {Event.LOOKED_AFTER_START.value, Event.LOOKED_AFTER_MOVE.value}
    return any(i.person_id == child and i.evidence in evidence for i in situation.world.involvements)


def _of_others(situation: Situation, child: str) -> bool:
    """Whether it is known that a child has other parents. Of whom nobody has said that, it is a child of the home like the rest (F12)."""
    subjects = situation.subjects
    for relation in kin(situation):
        pair = {relation.person, relation.to}
        if relation.kind is RelationshipKind.SIBLING and child in pair and pair & subjects:
            return False
    theirs = {parent for subject in subjects for parent in _parents(situation, subject)}
    own = _parents(situation, child)
    return bool(own) and bool(theirs) and own.isdisjoint(theirs)


def _parents(situation: Situation, child: str) -> set[str]:
    return {relation.person for relation in kin(situation) if relation.kind in _PARENTS and relation.to == child}


def _said(message: Message, key: str) -> Person | None:
    return next((person for person in message.people if person.key == key), None)


def _named_person(situation: Situation, key: str) -> Person:
    said, known = _said(situation.message, key), situation.world.people.get(key)
    family = (said and said.family) or (known and known.family) or None
    given = (said and said.given) or (known and known.given) or ()
    return Person(key=key, family=family, given=given)


def _whole_person(situation: Situation, who: Reader, key: str) -> Person:
    said, known = _said(situation.message, key), situation.world.people.get(key)
    person = said or _from_store(key, known)
    tells_what = Category.EVENT in who.categories
    shows_place = Category.LOCATION in who.categories and key not in situation.protected
    told: dict[str, Any] = {
        "identifiers": tuple(i for i in person.identifiers if _identifies(i, who, key)),
        "expected": person.expected if tells_what else None,
        "deceased": person.deceased if tells_what else None,
        "addresses": person.addresses if shows_place else (),
        "practice": person.practice if shows_place else None,
    }
    if said is not None and known is not None and key in who.own:
        told["family"] = said.family or known.family
        told["given"] = said.given or known.given
        told["birth_date"] = said.birth_date or known.born
    changed = {name: value for name, value in told.items() if value != getattr(person, name)}
    return replace(person, **changed) if changed else person


def _from_store(key: str, known: KnownPerson | None) -> Person:
    if known is None:
        return Person(key=key)
    return Person(
        key=key,
        identifiers=tuple(
            Identifier(system=i.system, value=i.value, verified=i.verified) for i in known.identifiers if i.valid
        ),
        family=known.family,
        given=known.given,
        birth_date=known.born,
        gender=known.gender,
        unborn=known.state in (PersonState.UNBORN, PersonState.PREGNANCY_ENDED),
        expected=known.expected,
    )


def _identifies(identifier: Identifier, who: Reader, key: str) -> bool:
    """The NHS number, and the reader's own agency's numbers; a case number says that there is a case."""
    if identifier.system in _JUSTICE_NUMBERS:
        return who.team.function in _JUSTICE and key in who.own
    return identifier.system == NHS_NUMBER or agency_of(identifier.system) == who.team.agency_id


_JUSTICE: Final = frozenset({Function.PROBATION, Function.PRISON, Function.POLICE, Function.YOUTH_JUSTICE})
