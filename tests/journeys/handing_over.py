"""What teams say when Chloe's children are handed over, shared by the journeys of transfers."""

from schemas.codes import Event
from schemas.examples.cast import AVA, CHLOE, FLAT, NOAH, living
from schemas.examples.telling import HEALTH_VISITOR, SOCIAL_WORKER, choice, fact, mother, tell, together

OLD, NEW = "bcht-health-visiting", "swbh-health-visiting"


def transfer(name, to, at, *children, **other):
    """A transfer from Birmingham health visiting of children who have moved to Sandwell with their mother."""
    return tell(
        name,
        Event.TRANSFER,
        OLD,
        at,
        **{
            "kind": "health-visiting",
            "subjects": [living(child, FLAT) for child in children],
            "people": [living(CHLOE, FLAT)],
            "relationships": mother(CHLOE, *children),
            "author": HEALTH_VISITOR,
            "to": (to,),
            "facts": (
                choice("transfer-reason", "moved"),
                *(fact("care-summary", "Well.", child) for child in children),
            ),
            **other,
        },
    )


def at_home(name, at, who):
    """Birmingham health visiting says who lives together."""
    return tell(
        name,
        Event.HOUSEHOLD_UPDATE,
        OLD,
        at,
        subjects=[NOAH],
        people=[AVA, CHLOE],
        relationships=mother(CHLOE, AVA, NOAH),
        household=who,
    )


def taken_on(name, team, at, *children):
    """A team takes children on."""
    return tell(name, Event.INVOLVEMENT_START, team, at, subjects=list(children), author=HEALTH_VISITOR)


def withdrawn(name, of, at):
    """A sender takes a message back."""
    return tell(name, Event.WITHDRAW, of.sender, at, subjects=(), reference=of.id, author=HEALTH_VISITOR)


def accommodated(name, at, child):
    """The council looks after one of the two, who sees the other at home."""
    sibling = AVA if child is NOAH else NOAH
    return tell(
        name,
        Event.LOOKED_AFTER_START,
        "birmingham-csc",
        at,
        subjects=[child],
        people=[sibling, CHLOE],
        relationships=mother(CHLOE, child, sibling),
        household=together(CHLOE, child, sibling),
        author=SOCIAL_WORKER,
        facts=(choice("child-legal-status", "accommodated", child),),
    )


def whole(system):
    """The only transfer to this team."""
    [task] = system.tasks("transfer")
    return task
