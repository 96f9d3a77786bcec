"""What all sections of a policy file are made of: names, citations, conditions."""

from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field

from broker.domain.conditions import Condition, Flag
from schemas.codes import Function

_NAME = r"^[a-z0-9]+(-[a-z0-9]+)*$"
Name = Annotated[str, Field(pattern=_NAME)]
Cites = Annotated[tuple[str, ...], Field(min_length=1)]
"""F-number, paragraph of the review, `principle N`, `invariant N`, or a name of the section `guidance`."""
Names = Annotated[tuple[str, ...], Field(min_length=1)]
"""Functions, groups, sets, or `everyone`."""


class Section(BaseModel):
    """Any part of the file: keys with hyphens, none that is not known, nothing changed after reading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=lambda name: name.replace("_", "-"), validate_by_name=False
    )


class When(Section):
    """The conditions that any line may have."""

    when: tuple[Flag, ...] = ()
    unless: tuple[Flag, ...] = ()
    kinds: tuple[str, ...] = ()
    not_kinds: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()


class Functions(Protocol):
    """What knows which functions the names of lines stand for."""

    def functions_of(self, names: tuple[str, ...]) -> frozenset[Function]:
        """The functions that these names stand for."""


def condition(document: Functions, line: When) -> Condition:
    """The conditions of a line."""
    return Condition(
        flags=frozenset(line.when),
        without=frozenset(line.unless),
        kinds=frozenset(line.kinds),
        without_kinds=frozenset(line.not_kinds),
        senders=document.functions_of(line.senders),
    )


def said(cites: tuple[str, ...]) -> str:
    """Citations as one text."""
    return ", ".join(cites)
