"""Which category a fact of a message has, which decides who may see it."""

from schemas.codes import Category
from schemas.events.ages import is_child
from schemas.events.facts import FACTS
from schemas.events.registry import SPECS
from schemas.events.specification import Whom
from schemas.message import Fact, Message


def category_of(message: Message, fact: Fact) -> Category:
    """The fact's category in this message: what is care of a child or a pregnancy is an adult's own health record.

    RESTRICTED for a fact that has no specification: what nobody described is released by nobody.
    """
    spec = FACTS.get(fact.code)
    if spec is None:
        return Category.RESTRICTED
    if spec.adult_category is None or not _of_an_adult(message, fact):
        return spec.category
    return spec.adult_category


def _of_an_adult(message: Message, fact: Fact) -> bool:
    """Whether the fact is said of an adult outside a pregnancy; in doubt it is, because that shows it to fewer."""
    rule = SPECS[message.event].subject
    about = fact.about or (message.subjects[0] if len(message.subjects) == 1 else None)
    person = next((person for person in message.people if person.key == about), None)
    if rule is Whom.MOTHER and about in (*message.subjects, None):
        return False
    child = None if person is None else is_child(message, person)
    if child is None:
        return rule is not Whom.CHILD
    return not child
