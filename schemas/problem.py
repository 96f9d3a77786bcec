"""What is wrong with a message and where, and its form as an OperationOutcome; never the value that is wrong."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning", "information"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong at one place.

    `path` is FHIRPath-like with indices (`Bundle.entry[2].resource.birthDate`), `reason` a predicate of it in our
    own words ("is required"), `code` one of FHIR's issue-type codes. None of the three may hold anything that came
    in: validators echo their input, and a rejected name or NHS number would end up in logs and answers.
    """

    path: str
    reason: str
    code: str = "structure"
    severity: Severity = "error"


def operation_outcome(problems: Iterable[Problem]) -> dict[str, object]:
    """An R4 OperationOutcome with one issue for each problem; with none, the one issue R4 demands says so."""
    issues = [_issue(problem) for problem in problems]
    return {"resourceType": "OperationOutcome", "issue": issues or [dict(_NOTHING_WRONG)]}


def _issue(problem: Problem) -> dict[str, object]:
    issue: dict[str, object] = {"severity": problem.severity, "code": problem.code, "diagnostics": problem.reason}
    # `location` would be XPath and is deprecated in R4; `expression` is its successor, and may not be empty.
    return issue | {"expression": [problem.path]} if problem.path else issue


_NOTHING_WRONG: dict[str, object] = {
    "severity": "information",
    "code": "informational",
    "diagnostics": "no problem was found",
}
