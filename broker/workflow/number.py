"""Number what was committed, so that every team can read its mailbox in order and know that nothing is missing."""

from sqlmodel import Session

from broker.storage import mailbox

TEAMS_AT_ONCE = 200
"""Teams in one pass: their counters stay locked until its commit, and a poll of one of them waits for that."""

MESSAGES_AT_ONCE = 500
"""Messages in one pass, for the same reason."""


def number(session: Session) -> int:
    """One pass over the teams that wait for numbers; how many were given. Any number of processes may do this at once."""
    return mailbox.number(session, mailbox.unnumbered_teams(session, limit=TEAMS_AT_ONCE), limit=MESSAGES_AT_ONCE)


def number_team(session: Session, team_id: str) -> int:
    """Number what one team has waiting, before its poll is answered: it then sees all that was committed before."""
    return mailbox.number(session, [team_id], limit=MESSAGES_AT_ONCE)
