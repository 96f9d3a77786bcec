"""How a policy writes lengths of time: ISO 8601 of weeks, days, hours and minutes, and what is to be done in working time too."""

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator

from broker.domain import terms

Duration = Annotated[timedelta, BeforeValidator(terms.parse_elapsed)]
"""How long something holds or stands."""


def _term(text: object) -> terms.Term:
    return terms.parse(text if isinstance(text, str) else None)


Term = Annotated[terms.Term, BeforeValidator(_term)]
"""How long somebody has: the same, or `2 working days`."""
