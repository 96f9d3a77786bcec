"""What docs/sharing.md allows, written a second time from its words alone: nothing of the broker is imported here, nor its policy read.

`allowed` says the most that a team may be told, `required` the least that some must: what the cases in docs/failures.md turn
on. What lies between is the policy's to say, and the table's to show.
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


# --- the least ----------------------------------------------------------------------------------------------------

HARM_OF_A_CHILD: Final = frozenset(
    "concern not-brought no-access advice-to-attend emergency-attendance child-admission child-discharge "
    "protection-plan-start protection-plan-end looked-after-start looked-after-move looked-after-end private-fostering "
    "change-of-address gp-registration child-contact".split()
)
"""Events about a child that whoever works with that child is told in full: what the cases in failures.md turn on."""
RISK_BY_AN_ADULT: Final = frozenset(
    "concern change-of-address custody-start custody-release supervision-start supervision-change supervision-end "
    "mental-health-admission mental-health-leave mental-health-discharge".split()
)
"""Events about an adult that are risk to a child at home (principle 4)."""
BEGINNING: Final = frozenset("pregnancy-booking pregnancy-notification birth".split())
"""That there is a pregnancy or a child (principle 5)."""
FIRST_TO_KNOW: Final = frozenset("midwifery health-visiting general-practice".split())
"""Universal services, who work with every family with a young child whether or not anybody has said so."""
ROUTINE: Final = frozenset({"child-contact", "gp-registration"})
"""Recorded and shown (principle 15)."""
KEEPS_NO_CASELOAD: Final = frozenset({"emergency-department"})
ANSWERS: Final = frozenset({"referral-outcome"})
"""Events of which whoever sent or was told of the message before must hear; a withdrawal is told by whom was told, and no cell decides it."""
AFTER_RELEASE: Final = frozenset(
    "midwifery health-visiting school-nursing general-practice childrens-social-care".split()
)
"""Of the functions to which something may be released, those that a child at home cannot do without."""
SHOWN: Final = frozenset({"full", "risk", "safety", "pointer"})
AT_LEAST_RISK: Final = frozenset({"full", "risk"})
AT_LEAST_FULL: Final = frozenset({"full"})
NO_MATTER: Final = frozenset[str]()
"""Nothing is required of the cell."""


def required(label: str, standing: str, event: str, about: str, function: str) -> frozenset[str]:
    """What must stand in the cell, without `!`: one of these; empty where the page leaves it to the policy.

    What a label holds back is delayed and not forgotten: it waits for the safeguarding lead at least.
    """
    if label == "restricted-party" or (label == "addressed-only" and standing != "addressed"):
        return NO_MATTER
    delayed = label in HOLDING or label == "R"
    if delayed and (function not in AFTER_RELEASE or "unconfirmed" in standing):
        return NO_MATTER
    least = _least(standing, event, about, function)
    waits = delayed or (standing == "addressed" and function in ADULT_ONLY)
    return least | {f"({view})" for view in least} if waits else least


def _least(standing: str, event: str, about: str, function: str) -> frozenset[str]:
    if event == "pregnancy-end":
        expects = function in CHILD_FACING | ADULT_ONLY and standing.startswith(("works with", "worked with"))
        expects = expects and standing != "works with the suspected source alone"
        return ENDED - NOTHING if expects else NO_MATTER  # principle 14
    if standing == "addressed" or (standing in ALL_STANDINGS_BY_WORD and event in ANSWERS):
        return AT_LEAST_FULL
    if "unconfirmed" in standing:
        asked = function in CHILD_FACING and about == "child" and event in HARM_OF_A_CHILD - ROUTINE
        unknown = "another" in standing and _unknown_to(function, event)
        return EXISTENCE - NOTHING if asked and not unknown else NO_MATTER  # principle 3
    if standing == "universal service":
        return SHOWN if function in FIRST_TO_KNOW and event in BEGINNING | {"concern"} else NO_MATTER
    return _of_work(standing, event, about, function)


def _of_work(standing: str, event: str, about: str, function: str) -> frozenset[str]:
    """Of who works with the subject, or with another of the household."""
    own = standing == "works with the subject"
    if standing not in ("works with the subject", "works with another of the household"):
        return NO_MATTER
    if function in CHILD_FACING:
        return _of_children(function, event, about, own=own)
    if function in ADULT_ONLY | OWN_CLIENT and own and about == "adult" and event in RISK_BY_AN_ADULT:
        return AT_LEAST_FULL if event == "concern" and function in ADULT_ONLY else SHOWN  # its own client's
    return SHOWN if event in BEGINNING and function in ADULT_ONLY else NO_MATTER  # principle 5


def _of_children(function: str, event: str, about: str, *, own: bool) -> frozenset[str]:
    if about == "adult":
        return AT_LEAST_RISK if event in RISK_BY_AN_ADULT else NO_MATTER
    if event not in HARM_OF_A_CHILD:
        return NO_MATTER
    if own:
        return AT_LEAST_FULL
    if _unknown_to(function, event):
        return NO_MATTER
    return AT_LEAST_FULL if event == "concern" and function != "general-practice" else SHOWN


def _unknown_to(function: str, event: str) -> bool:
    """Of the others of a home a practice is told no plans and placements, and who keeps no caseload only of concerns."""
    if function == "general-practice":
        return event.startswith(("protection-plan", "looked-after"))
    return function in KEEPS_NO_CASELOAD and event != "concern"
