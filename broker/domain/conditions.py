"""When a rule of the policy applies: flags that hold of a message and its household, its kind, and who sends it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from schemas.codes import Function


class Flag(StrEnum):
    """What holds of a message and the household it meets; conditions of rules are made of these."""

    CHILD_AT_HOME = "child-at-home"  # under 18, or unborn
    UNDER_FIVE_AT_HOME = "under-five-at-home"  # unborn included
    BABY_AT_HOME = "baby-at-home"  # under one year, or unborn
    PREGNANCY_AT_HOME = "pregnancy-at-home"
    SUBJECT_IS_CHILD = "subject-is-child"  # born or unborn
    SUBJECT_IS_ADULT = "subject-is-adult"
    SUBJECT_IS_PREGNANT = "subject-is-pregnant"
    SUBJECT_IS_BABY = "subject-is-baby"  # born, under one year
    SUBJECT_WAS_EXPECTED = "subject-was-expected"  # born, of a pregnancy that was told of before
    SUBJECT_NOT_MOBILE = "subject-not-mobile"  # not independently mobile, as stated or by age (F17)
    RISK_STATED = "risk-stated"  # a fact relevant to the safety of a child, other than "none known"
    STAFF_SAFETY_STATED = "staff-safety-stated"  # a fact on the safety of visiting staff, other than "none known"
    NOT_HOME_YET = "not-home-yet"  # goes from a ward to another hospital or into custody, as stated
    CARERS_ASSESSMENT = "carers-assessment-recommended"  # somebody at home is to be offered one (F29)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """When a rule applies: every flag of `flags`, none of `without`, and one of the kinds and senders where they are given."""

    flags: frozenset[Flag] = frozenset()
    without: frozenset[Flag] = frozenset()
    kinds: frozenset[str] = frozenset()
    without_kinds: frozenset[str] = frozenset()
    senders: frozenset[Function] = frozenset()

    def holds(self, flags: frozenset[Flag], kind: str | None, sender: Function) -> bool:
        """Whether the rule applies to a message with these flags and this kind from that function."""
        return (
            self.flags <= flags
            and not (self.without and self.without & flags)
            and (not self.kinds or kind in self.kinds)
            and kind not in self.without_kinds
            and (not self.senders or sender in self.senders)
        )


ALWAYS: Final = Condition()
