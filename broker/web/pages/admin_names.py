"""How pages for administrators call teams: several agencies have a team of one name, so the agency stands beside it."""

from collections.abc import Mapping
from typing import TypeAlias

from sqlmodel import Session

from broker.storage import directory
from broker.workflow.context import Context

Called: TypeAlias = Mapping[str, str]
"""Team id → its name and its agency's."""


def called(session: Session, ctx: Context) -> Called:
    """Every team of the directory."""
    agencies = {one.id: one.name for one in directory.agencies(session)}
    return {team.id: _both(team.name, agencies[team.agency_id]) for team in ctx.directory.teams.values()}


def _both(team: str, agency: str) -> str:
    return team if team == agency else f"{team}, {agency}"
