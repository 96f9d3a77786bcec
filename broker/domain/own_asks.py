"""How long people have for what Baton asks by itself, beside the lines of events; how long that is says the policy."""

from dataclasses import dataclass

from broker.domain.terms import Term
from schemas.codes import Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Paced:
    """What is urgent has another time than the rest."""

    routine: Term
    urgent: Term

    def of(self, priority: Priority) -> Term:
        """The time of a task of this priority."""
        return self.routine if priority is Priority.ROUTINE else self.urgent


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAsks:
    """By what it is that is asked; each counted in the calendar of whoever is asked."""

    settle: Term
    """Who somebody is, who lives where, which of two addresses: until then Baton tells by what it knew before."""
    confirm: Term
    """Whether a team still works with somebody: until it has said so it is told no more."""
    mend: Term
    """A message that cannot be used or lacks a fact."""
    find: Paced
    """Who should have been told of what reached nobody."""
    reach: Paced
    """Who can be told of what was not answered, and a system that takes nothing: it is late already."""
    emergency: Term
    """By when a safeguarding lead has asked whoever read in an emergency."""
    watch: Term
    """What Baton finds wrong with its own clocks."""
