"""What a commit made due, as it is announced to whoever delivers; whether it is due still, the database says."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Due:
    """One delivery."""

    lane: str
    """What it concerns: the household's id where there is one, else the notification's. Of one lane things are announced in order."""
    delivery: str
    """Its id."""
