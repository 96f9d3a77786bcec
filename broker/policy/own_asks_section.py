"""The section `own-asks`: how long people have for what Baton asks by itself. Without it the times below hold."""

from broker.domain import terms
from broker.domain.own_asks import OwnAsks, Paced
from broker.policy.durations import Term
from broker.policy.sections import Cites, Section


class PacedSection(Section):
    """One time for what is urgent, another for the rest."""

    routine: Term
    urgent: Term


class OwnAsksSection(Section):
    """By what it is that is asked."""

    settle: Term = terms.working_days(5)
    confirm: Term = terms.working_days(5)
    mend: Term = terms.working_days(5)
    find: PacedSection = PacedSection.model_validate({"routine": "2 working days", "urgent": "P1D"})
    reach: PacedSection = PacedSection.model_validate({"routine": "1 working day", "urgent": "P1D"})
    emergency: Term = terms.elapsed(days=1)
    watch: Term = terms.elapsed(hours=4)
    cites: Cites = ("invariant 3",)


def compiled(section: OwnAsksSection) -> OwnAsks:
    """The values."""
    return OwnAsks(
        settle=section.settle,
        confirm=section.confirm,
        mend=section.mend,
        find=_paced(section.find),
        reach=_paced(section.reach),
        emergency=section.emergency,
        watch=section.watch,
    )


def _paced(section: PacedSection) -> Paced:
    return Paced(routine=section.routine, urgent=section.urgent)
