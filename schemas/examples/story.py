"""All examples as messages, by name."""

from typing import Final

from schemas.examples import adults, authorities, child_health, concerns, exchange, pregnancy_and_birth
from schemas.message import Message

MESSAGES: Final[dict[str, Message]] = {
    **pregnancy_and_birth.EXAMPLES,
    **child_health.EXAMPLES,
    **concerns.EXAMPLES,
    **adults.EXAMPLES,
    **authorities.EXAMPLES,
    **exchange.EXAMPLES,
}
"""The names are those of the files: an event's code, and for further examples of it a word more."""
