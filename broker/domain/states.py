"""The states that rows move through, each explained where it is declared; the moves live in `tasks.py` and `retry.py`."""

from enum import StrEnum
from typing import Final


class NotificationState(StrEnum):
    """What became of one received message."""

    ACCEPTED = "accepted"  # answered 200, on disk with everything it caused
    REFUSED = "refused"  # unreadable (400) or not routable (422): kept, with a data-quality task
    IGNORED = "ignored"  # understood, and by an explicit table none of Baton's business
    WITHDRAWN = "withdrawn"  # was accepted; its sender took it back


class LookupState(StrEnum):
    """What became of a question to a record elsewhere."""

    WAITING = "waiting"  # asked again at `next_at` until it is answered
    ANSWERED = "answered"  # the record came, and what it says was taken as a message
    NEEDLESS = "needless"  # another message said it before
    UNKNOWN = "unknown"  # there is no such record: a task says so
    AMBIGUOUS = "ambiguous"  # more than one record, or one that has moved: a task says so
    REFUSED = "refused"  # the record could not be read, or was of somebody else: kept, with a task


class DeliveryState(StrEnum):
    """Where one notification stands for one team."""

    WITHHELD = "withheld"  # decided: this team is not told, because
    HELD = "held"  # waits for the originating agency's safeguarding lead to release it
    READY = "ready"  # to be handed to the team's channel when `next_attempt_at` comes
    SENDING = "sending"  # leased by a worker until `lease_until`
    SENT = "sent"  # taken by a wire whose receipt comes later (AMQP, an e-mail that points to the mailbox); sent again without one
    DELIVERED = "delivered"  # the team's system has said it has it
    PARKED = "parked"  # the ladder is used up: a task says so, and it is tried once a day
    CANCELLED = "cancelled"  # withdrawn or superseded before it was delivered


class Purpose(StrEnum):
    """What the recipient is asked for (ITK3 RecipientType FA and FI)."""

    ACTION = "action"
    INFORMATION = "information"


class View(StrEnum):
    """How much of a notification a recipient gets; the categories of each stand in the policy."""

    FULL = "full"  # the whole message, less what is protected or restricted
    RISK = "risk"  # risk relevant to the child and safety of visiting staff: facts, not records
    SAFETY = "safety"  # safety of visiting staff only
    POINTER = "pointer"  # that there is a pregnancy or a child in the household, and whom to contact
    EXISTENCE = "existence"  # that there is something, and a request to confirm involvement
    ENDED = "ended"  # that it is no longer current, and no more


class PolicyState(StrEnum):
    """Where a version of the policy stands."""

    PROPOSED = "proposed"  # waits for a second person
    ACTIVE = "active"  # in force
    SUPERSEDED = "superseded"  # was in force
    REJECTED = "rejected"  # turned down, or taken back


class PersonState(StrEnum):
    """What is known of a person's life as far as routing goes."""

    LIVING = "living"
    UNBORN = "unborn"
    DIED = "died"
    PREGNANCY_ENDED = "pregnancy-ended"  # an unborn person whose pregnancy ended without a birth
    MERGED = "merged"  # the same person as `merged_into`
    SEALED = "sealed"  # adoption, gender reassignment, protected identity: never linked, merged or re-keyed


GONE: Final = frozenset({PersonState.DIED, PersonState.PREGNANCY_ENDED, PersonState.MERGED, PersonState.SEALED})
"""Persons for whom nothing new begins, and of whom nothing is expected: nobody bereaved is chased, no sealed record is linked."""


class InvolvementState(StrEnum):
    """Whether a team's work with a person is known to be current."""

    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"  # nothing renewed it in time: the team is asked
    ENDED = "ended"


class MembershipState(StrEnum):
    """Whether a statement that somebody belongs to a household counts."""

    CURRENT = "current"
    PROPOSED = "proposed"  # waits for a person to confirm it; routes nothing
    ENDED = "ended"
    REJECTED = "rejected"  # a person said no


class Unheld(StrEnum):
    """Why nobody is responsible for a person in a function."""

    NOT_KNOWN = "not-known"  # nothing has been said of it yet
    NOT_REGISTERED = "not-registered"  # the registration ended and no other has begun
    ELSEWHERE = "elsewhere"  # registered with a practice that the directory does not name
    DISCHARGED = "discharged"  # the work was done, and what follows was handed on
    ENDED = "ended"  # the team that held it says that it no longer works with them
    PREGNANCY_ENDED = "pregnancy-ended"
    DIED = "died"
    SEALED = "sealed"  # adopted, or an identity that is protected: the person goes on under another
    MERGED = "merged"  # one person with another, who goes on


class HeldBy(StrEnum):
    """What made a team, or nobody, responsible."""

    REGISTRATION = "registration"  # booked, registered, admitted, under supervision: the team took the person on itself
    TRANSFER = "transfer"  # a professional of the receiving team confirmed this person
    END = "end"  # it ended, by what was said
    DEATH = "death"
    SEALING = "sealing"
    MERGING = "merging"
    CORRECTION = "correction"  # what had been said was taken back, or was wrong


class ChannelKind(StrEnum):
    """How a team wants to be told."""

    MAILBOX = "mailbox"
    WEBHOOK = "webhook"
    AMQP = "amqp"  # a queue of its own
    EMAIL = "email"  # an e-mail without content says that something waits in the mailbox
    MESH = "mesh"


class MessageFormat(StrEnum):
    """In which format a team's messages are written."""

    FHIR = "fhir"
    NATIVE = "native"  # the agency's own where it has a form for what is told; else FHIR


class AttemptOutcome(StrEnum):
    """What one try to deliver came to."""

    TAKEN = "taken"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    UNANSWERED = "unanswered"


class ExpectationState(StrEnum):
    """What became of something that should come; only the first two are still looked for."""

    WAITING = "waiting"  # not due yet
    MISSED = "missed"  # did not come in time: a team has the task, and the number of alerts rises
    MET = "met"  # came in time
    MET_LATE = "met-late"  # came after all
    ANSWERED = "answered"  # the team that was asked says that it was done, or is not needed, and why
    ENDED = "ended"  # cannot come any more, or need not: a death, a birth, a withdrawal
