"""What the coded sections of a Transfer of Care document say: facts out of rows by section and heading, never out of running text.

The headings are those of the Professional Record Standards Body, as the page of each section has them (nhsconnect/ITK-FHIR-Mental-Health-eDischarge,
`pages/explore`); how a subheading is drawn is the sender's choice, and `itk3` reads the usual ways.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from adapters.cmht.codes import DEAD_IN_WORDS, legal_status, statement
from adapters.cmht.stays import PATIENT
from adapters.itk3 import Section
from schemas.message import Fact, FactValue
from schemas.problem import Problem

_DISCHARGE: Final = "886811000000106"
_SAFETY: Final = "886931000000107"
_SOCIAL: Final = "887051000000101"
_LEGAL: Final = "886961000000102"
_PLAN: Final = "887201000000105"
_COMPLETED_BY: Final = "887231000000104"
"""SNOMED CT codes of sections: discharge details, safety alerts, social context, legal information, plan, who wrote it."""

_IN_GENERAL: Final = (_SAFETY, "risks to others")
_STATEMENTS: Final[Mapping[tuple[str, str], str]] = {
    _IN_GENERAL: "risk-to-others-at-home",
    (_SAFETY, "risks to others at home"): "risk-to-others-at-home",
    (_SAFETY, "risks to staff"): "staff-safety",
    (_SAFETY, "staff safety"): "staff-safety",
    (_SAFETY, "safety of visiting staff"): "staff-safety",
    (_SAFETY, "risks to children"): "risk-to-children",
    (_LEGAL, "safeguarding issues"): "concerns",
    (_SOCIAL, "household composition"): "children-in-contact",
    (_SOCIAL, "children in contact"): "children-in-contact",
}
"""Rows that say what is known or that nothing is, by section and heading."""

_LEGAL_STATUS: Final = frozenset(
    {(_DISCHARGE, "legal status on discharge"), (_LEGAL, "mental health act or equivalent status")}
)
_AT_RISK: Final = (_SAFETY, "risks from others")
_HOW: Final = (_DISCHARGE, "discharge method")
_CONTACT: Final = (_COMPLETED_BY, "contact details")

_STAFF: Final = "staff-safety"


def facts(sections: tuple[Section, ...]) -> Iterator[Fact]:
    """The facts in the sections, about the patient."""
    said = {fact.code: fact for fact in _statements(sections)}
    yield from said.values()
    # "Risks to caring professionals or others" is how the specification explains the heading: who visits is one of them.
    if _STAFF not in said:
        yield from (_of_patient(_STAFF, words) for _, _, words in _rows(sections, _IN_GENERAL) if _is_said(words))
    for _, _, words in _rows(sections, *_LEGAL_STATUS):
        status = legal_status(words)
        if status is not None:
            yield _of_patient("legal-status", status)
    for section in sections:
        if _PLAN in section.codes and section.text:
            yield _of_patient("follow-up-plan", section.text)
    for _, _, words in _rows(sections, _CONTACT):
        if _is_said(words):
            yield Fact(code="contact-phone", value=words)


def died(sections: tuple[Section, ...]) -> bool:
    """Whether the discharge method says so, which these documents do not code."""
    return any(words.strip().lower().startswith(DEAD_IN_WORDS) for _, _, words in _rows(sections, _HOW))


def doubts(sections: tuple[Section, ...]) -> Iterator[Problem]:
    """What is said and not passed on: who is at risk from whom might reach the one who is the risk."""
    for _, section, words in _rows(sections, _AT_RISK):
        if _is_said(words):
            reason = "says that somebody is at risk from another, which is not passed on from here: send a concern"
            yield Problem(section.path, reason, "incomplete", "warning")


def _statements(sections: tuple[Section, ...]) -> Iterator[Fact]:
    for place, _, words in _rows(sections, *_STATEMENTS):
        value = statement(words)
        # "None" of people in general was how nobody heard of the behaviour at home (F5): of home it answers nothing.
        if value is not None and not (place == _IN_GENERAL and value is False):
            yield _of_patient(_STATEMENTS[place], value)


def _is_said(words: str) -> bool:
    return isinstance(statement(words), str)


def _rows(sections: tuple[Section, ...], *places: tuple[str, str]) -> Iterator[tuple[tuple[str, str], Section, str]]:
    """The rows that stand at these places, in the order of the document."""
    for section in sections:
        for heading, words in section.rows:
            for code in section.codes:
                if (code, _plain(heading)) in places:
                    yield (code, _plain(heading)), section, words


def _plain(heading: str) -> str:
    """A heading as the tables have it; `Risk to others` is written as often as `Risks to others`."""
    plain = " ".join(heading.rstrip(": ").lower().split())
    return f"risks{plain.removeprefix('risk')}" if plain.startswith("risk ") else plain


def _of_patient(code: str, value: FactValue) -> Fact:
    return Fact(code=code, value=value, about=PATIENT)
