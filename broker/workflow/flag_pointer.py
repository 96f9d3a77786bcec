"""What a team gets in place of a flag when its system cannot keep the mark: about whom, and whom of its agency to ask (sharing principle 13)."""

from broker.domain import pointing
from broker.domain.world import Directory, KnownPerson
from broker.storage.tables import Delivery
from schemas.codes import Event
from schemas.identifiers import NHS_NUMBER
from schemas.message import Identifier, Message, Person


def pointer(delivery: Delivery, child: KnownPerson, directory: Directory) -> Message:
    """A message without a flag, a pattern or an event: that there is something to ask of the safeguarding lead."""
    return Message(
        id=delivery.id,
        event=Event.INFORMATION,
        sender=None,
        occurred=delivery.created_at,
        sent=delivery.created_at,
        subjects=(child.id,),
        people=(_as_known(child),),
        facts=pointing.who_can_open(directory.teams[delivery.team_id], directory),
        to=(delivery.team_id,),
    )


def _as_known(child: KnownPerson) -> Person:
    numbers = [one for one in child.identifiers if one.system == NHS_NUMBER and one.valid]
    return Person(
        key=child.id,
        identifiers=tuple(Identifier(system=one.system, value=one.value, verified=one.verified) for one in numbers),
        family=child.family,
        given=child.given,
        birth_date=child.born,
    )
