"""Who has a case now, as HMPPS services answer: a record in JSON, as the team that a transfer is addressed to.

`GET /probation-case/{crn}/responsible-community-manager` of hmpps-probation-integration-services (create-and-vary-a-licence-and-delius,
`CommunityManager`): `case.crn`, `team.code`, `provider.code`, `unallocated`. Names, e-mail and telephone of the officer are not read.
"""

import re
from typing import Final

from adapters.probation.envelope import LIMITS
from schemas.limits import parse
from schemas.message import Identifier
from schemas.problem import Problem

MANAGER: Final = "probation-manager"
"""The client that is asked about a CRN."""

_TEAM: Final = re.compile(r"[A-Z0-9]{3,12}", re.ASCII)

PREFIX: Final = "delius-"
"""How the directory names the team of a code in Delius: `delius-n07ach` for N07ACH."""


def team(body: bytes, asked: Identifier) -> str | tuple[Problem, ...] | None:
    """The directory's id of the team; None while nobody has been allocated; or why the record says nothing."""
    record = parse(body, LIMITS)
    if isinstance(record, list):
        return tuple(Problem("$", problem.reason, problem.code, problem.severity) for problem in record)
    case, held = record.get("case"), record.get("team")
    if isinstance(case, dict) and case.get("crn") not in (None, asked.value):
        return (Problem("case.crn", "is not the number that was asked for", "conflict"),)
    if record.get("unallocated") is True:
        return None
    code = held.get("code") if isinstance(held, dict) else None
    if not isinstance(code, str) or not _TEAM.fullmatch(code.strip()):
        return (Problem("team.code", "must be the code of a team", "required"),)
    return PREFIX + code.strip().lower()
