"""Who in a message is a child and who is not, as far as the message says."""

from datetime import date

from schemas.codes import RelationshipKind
from schemas.message import Message, Person

_GROWN: frozenset[RelationshipKind] = frozenset(
    {
        RelationshipKind.MOTHER,
        RelationshipKind.FATHER,
        RelationshipKind.PARENT,
        RelationshipKind.PARTNER,
        RelationshipKind.GRANDPARENT,
        RelationshipKind.CARER,
    }
)


def age(born: date, on: date) -> int:
    """Completed years; negative before birth."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def is_child(message: Message, person: Person) -> bool | None:
    """Whether a person is a child, unborn included; None when neither age nor relationships tell.

    A mother of sixteen is a child by her age, and stays one: she is owed a child's safeguards as well as a mother's.
    """
    if person.unborn:
        return True
    if person.birth_date is not None:
        return age(person.birth_date, message.occurred.date()) < 18
    if any(relation.person == person.key and relation.kind in _GROWN for relation in message.relationships):
        return False
    parents = (RelationshipKind.MOTHER, RelationshipKind.FATHER)
    if any(relation.to == person.key and relation.kind in parents for relation in message.relationships):
        # Somebody's daughter of any age; only the parents of a child are usually stated.
        return True
    return None
