"""The tables of people and households as SQLAlchemy Core sees them: plain columns and rows, no objects on the way in."""

from typing import Final

from sqlalchemy import Table

from broker.storage.tables import metadata

PERSON: Final[Table] = metadata.tables["person"]
IDENTIFIER: Final[Table] = metadata.tables["identifier"]
RELATIONSHIP: Final[Table] = metadata.tables["relationship"]
HOUSEHOLD: Final[Table] = metadata.tables["household"]
MEMBERSHIP: Final[Table] = metadata.tables["membership"]
ADDRESS: Final[Table] = metadata.tables["address"]
INVOLVEMENT: Final[Table] = metadata.tables["involvement"]
NOTIFICATION: Final[Table] = metadata.tables["notification"]
SUBJECT: Final[Table] = metadata.tables["subject"]
TASK: Final[Table] = metadata.tables["task"]
TEAM: Final[Table] = metadata.tables["team"]
