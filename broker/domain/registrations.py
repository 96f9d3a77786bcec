"""Whose word on a registration with a general practice counts: a practice's about itself, the register's of children, and a record that was looked up.

What others say of it is hearsay: it fills in what nobody knows, ends no practice's work with anybody and moves nobody who is responsible.
"""

from broker.domain.world import Directory, Team
from schemas.codes import Function
from schemas.message import Person


def practice_of(person: Person, sender: Team, directory: Directory) -> Team | None:
    """The practice that a registration is with: the one it names, or its sender; None when the directory has no such practice."""
    said = directory.practice(person.practice)
    return said or (sender if sender.function is Function.GENERAL_PRACTICE else None)


def settles(sender: Team, said: Team | None, held_by: str | None, *, looked_up: bool) -> bool:
    """Whether the sender's word that somebody is registered with `said` ends what `held_by` has with them; None where nobody has.

    `looked_up`: it is no word of the sender's, but a record that Baton asked a service for.
    """
    by_whom = sender.function is Function.CHILD_HEALTH_INFORMATION or (said is not None and said.id == sender.id)
    return looked_up or by_whom or held_by in (None, sender.id)
