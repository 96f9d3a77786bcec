"""The tables of the way in as SQLAlchemy Core sees them: plain columns and rows, no objects."""

from typing import Final

from sqlalchemy import Table, text

from broker.storage.tables import OF_TRANSFER, metadata

PERSON: Final[Table] = metadata.tables["person"]
IDENTIFIER: Final[Table] = metadata.tables["identifier"]
RELATIONSHIP: Final[Table] = metadata.tables["relationship"]
HOUSEHOLD: Final[Table] = metadata.tables["household"]
MEMBERSHIP: Final[Table] = metadata.tables["membership"]
ADDRESS: Final[Table] = metadata.tables["address"]
INVOLVEMENT: Final[Table] = metadata.tables["involvement"]
NOTIFICATION: Final[Table] = metadata.tables["notification"]
SUBJECT: Final[Table] = metadata.tables["subject"]
DELIVERY: Final[Table] = metadata.tables["delivery"]
CHANNEL: Final[Table] = metadata.tables["channel"]
CHANNEL_HEALTH: Final[Table] = metadata.tables["channelhealth"]
MAILBOX_NUMBER: Final[Table] = metadata.tables["mailboxnumber"]
ATTEMPT: Final[Table] = metadata.tables["attempt"]
TASK: Final[Table] = metadata.tables["task"]
TASK_EVENT: Final[Table] = metadata.tables["taskevent"]
LEGAL_HOLD: Final[Table] = metadata.tables["legalhold"]
ESCALATION: Final[Table] = metadata.tables["escalation"]
PRACTITIONER: Final[Table] = metadata.tables["practitioner"]
AUDIT: Final[Table] = metadata.tables["audit"]
LEASE: Final[Table] = metadata.tables["lease"]
AUDIT_LEAF: Final[Table] = metadata.tables["auditleaf"]
AUDIT_SEAL: Final[Table] = metadata.tables["auditseal"]
REVISION: Final[Table] = metadata.tables["revision"]
TEAM: Final[Table] = metadata.tables["team"]

IS_OF_TRANSFER: Final = text(f"task.{OF_TRANSFER}")
"""In the words of `ix_task_of_transfer`: neither database uses a partial index for bound parameters."""
