"""The command's group: what the one command that is called needs is imported, and nothing of the others."""

import importlib
from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias

import typer
from typer.core import TyperGroup

Place: TypeAlias = str
"""`module:name` of a function, or of a group of commands."""


class Imported(TyperGroup):
    """A group whose commands are imported when they are asked for: for a call one of them, for the list of them all."""

    places: ClassVar[Mapping[str, Place]]
    """Name of a command → where it is, in the order in which they are listed."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - click's signature; Typer has its own copy of click
        """The names, in their order."""
        return list(self.places)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002 - as above
        """The command of that name, made when it is first asked for; None when there is none."""
        if cmd_name not in self.places:
            return None
        if cmd_name not in self.commands:
            self.commands[cmd_name] = _made(cmd_name, self.places[cmd_name])
        return self.commands[cmd_name]


def _made(name: str, place: Place) -> Any:  # noqa: ANN401 - as above
    module, _, attribute = place.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    one = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    if isinstance(found, typer.Typer):
        one.add_typer(found, name=name)
        group = typer.main.get_group(one)
        return group.commands[name]
    one.command(name)(found)
    return typer.main.get_command(one)
