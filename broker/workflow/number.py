"""Number what was committed, so that every team can read its mailbox in order and know that nothing is missing."""

from datetime import datetime, timedelta

from sqlmodel import Session

from broker.storage import leases, mailbox

LEASE = "mailbox-sequencer"

TEAMS_AT_ONCE = 50
"""Teams in one pass: their counters stay locked until its commit, and a poll of one of them waits for that."""

MESSAGES_AT_ONCE = 500
"""Messages of one team in one pass, so that a flooded mailbox does not hold the others."""


def number(session: Session, *, holder: str, now: datetime, lease: timedelta) -> int:
    """One pass of the sequencer over the teams that wait for numbers; how many were given, 0 also while another runs.

    The lease only spares two processes the same work; that numbers are right rests on each team's locked counter.
    """
    teams = mailbox.unnumbered_teams(session, limit=TEAMS_AT_ONCE)
    if not teams or not leases.take(session, LEASE, holder, now=now, until=now + lease):
        return 0
    # In one order for everybody, so that two who do this at once wait for each other and never in a circle.
    return sum(mailbox.number(session, team, limit=MESSAGES_AT_ONCE) for team in sorted(teams))


def number_team(session: Session, team_id: str) -> int:
    """Number what one team has waiting, before its poll is answered: it then sees all that was committed before."""
    return mailbox.number(session, team_id, limit=MESSAGES_AT_ONCE)
