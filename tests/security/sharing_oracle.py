"""What docs/sharing.md allows, written a second time from its words alone: nothing of the broker is imported here, nor its policy read.

It says the most that a team may be told. Whether the policy tells as much is the policy's to say, and the table's to show.
"""

from typing import Final

CHILD_FACING: Final = frozenset(
    "midwifery health-visiting family-nurse-partnership school-nursing neonatal paediatrics emergency-department "
    "childrens-social-care emergency-duty-team early-help general-practice".split()
)
ADULT_ONLY: Final = frozenset("mental-health substance-misuse probation prison domestic-abuse".split())
OWN_CLIENT: Final = frozenset("police housing youth-justice".split())
RECORDS: Final = frozenset({"child-health-information"})
COORDINATING: Final = frozenset("safeguarding-lead mash partnership".split())
AUTHORITIES: Final = frozenset("probation prison police".split())
"""Responsible authorities, who share what is held about their own client (principle 7)."""

NOTHING: Final = frozenset({"-"})
EVERYTHING: Final = frozenset({"-", "full", "risk", "safety", "pointer", "ended"})
AS_RISK: Final = EVERYTHING - {"full"}
POINTED: Final = frozenset({"-", "safety", "pointer", "ended"})
EXISTENCE: Final = frozenset({"-", "existence"})
ENDED: Final = frozenset({"-", "ended"})

HOLDING: Final = frozenset({"V", "held-for-release", "unrecognised"})
AT_ONCE: Final = frozenset({"works with the subject", "addressed"})
ALL_STANDINGS_BY_WORD: Final = frozenset({"addressed", "sent or was told of the earlier message"})


def allowed(label: str, standing: str, event: str, about: str, function: str) -> frozenset[str]:
    """What may stand in the cell, without `!`; `(…)` is what waits for the safeguarding lead."""
    if label == "restricted-party":
        return NOTHING  # no agency of that person is told, whatever it stands as (principle 8)
    if label == "addressed-only" and standing != "addressed":
        return NOTHING
    most = _standing(standing, event, about, function)
    if label in HOLDING:
        at_once = function in AUTHORITIES and standing in AT_ONCE
    else:
        at_once = label != "R" or standing in AT_ONCE
    # Another person's facts wait for the lead though they be addressed to an adult's team (principle 5), and whatever is
    # addressed to a team that works with the suspected source does (principle 6).
    waiting = _waiting(most) if not at_once or standing == "addressed" else NOTHING
    return (most if at_once else NOTHING) | waiting


def _waiting(most: frozenset[str]) -> frozenset[str]:
    """Held: who is not sure of its work is not told that there is anything."""
    return NOTHING | {f"({view})" for view in most - NOTHING - {"existence"}}


def _standing(standing: str, event: str, about: str, function: str) -> frozenset[str]:
    if standing == "none":
        return NOTHING  # principle 1
    if event == "pregnancy-end" and standing != "addressed":
        return ENDED  # principle 14, to whoever may still expect something
    if "unconfirmed" in standing:
        return EXISTENCE  # principle 3
    if standing == "works with the suspected source alone" and function in ADULT_ONLY | OWN_CLIENT:
        return NOTHING  # principle 6: neither of the child nor of the other parent
    if standing in ALL_STANDINGS_BY_WORD:
        return EVERYTHING
    return _by_rule(standing, about, function)


def _by_rule(standing: str, about: str, function: str) -> frozenset[str]:
    own, added = standing == "works with the subject", standing == "added by the policy"
    if function in RECORDS | COORDINATING and not added:
        return NOTHING  # they are told when a rule or a sender says so
    if function in CHILD_FACING | RECORDS | COORDINATING:
        return EVERYTHING if own or about == "child" or function not in CHILD_FACING else AS_RISK  # principle 4
    if own:
        return EVERYTHING  # principle 5: its own client's
    if function in OWN_CLIENT:
        return AS_RISK if added else frozenset({"-", "safety"})
    return NOTHING if added or standing == "universal service" else POINTED  # principle 5
