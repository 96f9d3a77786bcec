"""Why a team is told or not told, as codes and as sentences without names; they are stored with every decision."""

import re
from enum import StrEnum
from typing import Final

from schemas.codes import Function


class Why(StrEnum):
    """Why a team is told (`delivery.reason_code`)."""

    INVOLVED_WITH_SUBJECT = "involved-with-subject"
    INVOLVED_WITH_CHILD = "involved-with-child"
    INVOLVED_IN_HOUSEHOLD = "involved-in-household"
    UNIVERSAL_SERVICE = "universal-service"
    ADDRESSED = "addressed"
    ADDED = "added-by-policy"
    EARLIER = "earlier-message"
    UNCONFIRMED = "unconfirmed-involvement"


class NotTold(StrEnum):
    """Why a team is not told."""

    NO_RULE = "no-rule"
    ADULT_ONLY = "adult-only-function"
    SOURCE_OF_HARM = "works-only-with-source-of-harm"
    SEALED = "sealed"
    PREGNANCY_ENDED = "pregnancy-ended"
    PREGNANCY_GOES_ON = "pregnancy-goes-on"
    PROFESSIONAL_VIEW = "professional-view"
    NO_PROFESSIONAL = "no-named-professional"
    HELD = "held-not-for-this-function"
    UNCONFIRMED = "unconfirmed"
    CLOSED = "team-closed"
    RESTRICTED_PARTY = "agency-of-restricted-party"
    NAMES_A_CHILD = "names-a-child-not-agreed"
    UNNAMED = "child-not-named"  # of a child of the household, by a transfer of which the team is told otherwise
    RELEASE_REFUSED = "release-refused"  # the one that a person decides: the safeguarding lead of who sent it


_TOLD: Final[dict[Why, str]] = {
    Why.INVOLVED_WITH_SUBJECT: "The team works with a person whom this is about.",
    Why.INVOLVED_WITH_CHILD: "The team works with a child or a pregnancy of the household.",
    Why.INVOLVED_IN_HOUSEHOLD: "The team works with somebody of the household.",
    Why.UNIVERSAL_SERVICE: "The team provides {function} to every pregnancy or child of that age in its care.",
    Why.ADDRESSED: "The sender addressed the team.",
    Why.ADDED: "The policy has {function} told of this.",
    Why.EARLIER: "The team sent, or was told of, the message that this one follows.",
    Why.UNCONFIRMED: "The team worked with somebody concerned, and has not confirmed that it still does.",
}

_NOT_TOLD: Final[dict[NotTold, str]] = {
    NotTold.NO_RULE: "No rule of the policy tells this function, standing so, of such an event (principle 1).",
    NotTold.ADULT_ONLY: "The team works with another adult of the household, whom this does not concern (principle 5).",
    NotTold.SOURCE_OF_HARM: "The team works only with somebody who may be a source of the harm that is reported (principle 6).",
    NotTold.SEALED: "The record is sealed: nothing links it to anybody (principle 11).",
    NotTold.PREGNANCY_ENDED: "The pregnancy is no longer current (principle 14).",
    NotTold.PREGNANCY_GOES_ON: "The pregnancy goes on with another child: that it ended must not be told (principle 14).",
    NotTold.PROFESSIONAL_VIEW: "The sender's professional tells only those addressed (principle 8).",
    NotTold.NO_PROFESSIONAL: "No named professional and lawful basis stand behind telling others (principle 8).",
    NotTold.HELD: "It is held for release, and this function is not among those it may be released to (principle 7).",
    NotTold.RELEASE_REFUSED: "The safeguarding lead of the agency that sent it decided not to release it to your function (principle 7).",
    NotTold.CLOSED: "The team is closed; a task asks who does its work now (invariant 3).",
    NotTold.NAMES_A_CHILD: "It names a child whom a transfer to the team does not name until the sender's lead agrees (principle 12).",
    NotTold.UNNAMED: "The transfer does not name a further child of the household to the team until the sender's lead agrees (principle 12).",
    NotTold.RESTRICTED_PARTY: "The sender keeps it from every agency of somebody whom this agency works with, registers or employs (principle 8).",
    NotTold.UNCONFIRMED: "The team's work with somebody concerned is not confirmed (principle 3).",
}


_SENTENCES: Final[dict[tuple[Why, Function], tuple[str, str]]] = {
    (why, function): (why.value, text.replace("{function}", function.value.replace("-", " ")))
    for why, text in _TOLD.items()
    for function in Function
}


def told_because(why: Why, function: Function) -> tuple[str, str]:
    """Code and sentence of a reason to tell a team of that function."""
    return _SENTENCES[why, function]


_CITED: Final = re.compile(r"\((\w+ \d+)\)\.$")


def principle_of(code: str) -> str:
    """What a decision not to tell rests on, as `principle 5`; '' for a code that is none of these."""
    found = _CITED.search(_NOT_TOLD[NotTold(code)]) if code in set(NotTold) else None
    return found[1] if found else ""


def not_told_because(why: NotTold) -> tuple[str, str]:
    """Code and sentence of a reason not to tell."""
    return why.value, _NOT_TOLD[why]
