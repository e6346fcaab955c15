"""Commands whose module is read when they are called: `poterne journal` need not wait for the engine that `poterne run` reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group


@dataclass(frozen=True)
class Later:
    """A command's module in this package, and its line in the overview, which is told without reading it."""

    module: str
    help: str
    name: str = "app"
    """A `typer.Typer`, for a group of commands, or a function."""

    def load(self, command: str) -> Any:
        """The command itself."""
        found = getattr(import_module(f"{__package__}.{self.module}"), self.name)
        if isinstance(found, typer.Typer):
            loaded: Any = get_group(found)
        else:
            alone = typer.Typer(add_completion=False)
            alone.command(command)(found)
            loaded = get_command(alone)
        loaded.name = command
        return loaded


class LaterGroup(TyperGroup):
    """A group that knows the names and the help of its commands, and reads each when it is called."""

    later: ClassVar[Mapping[str, Later]] = {}

    def list_commands(self, ctx: Any) -> list[str]:
        """Every name, in the order of the alphabet."""
        return sorted({*self.commands, *self.later})

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """What the overview asks for: name and help."""
        if cmd_name in self.commands or cmd_name not in self.later:
            return self.commands.get(cmd_name)
        return TyperCommand(cmd_name, help=self.later[cmd_name].help)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is called, read now; all of them where there is none of that name, for a suggestion."""
        if args:
            self.load(*([args[0]] if args[0] in self.list_commands(ctx) else self.later))
        return super().resolve_command(ctx, args)

    def load(self, *names: str) -> None:
        """Read these commands, where there are such."""
        for name in names:
            if name in self.later and name not in self.commands:
                self.commands[name] = self.later[name].load(name)

    def every_command(self) -> Mapping[str, Any]:
        """All of them, read."""
        self.load(*self.later)
        return self.commands
