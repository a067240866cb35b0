"""The argument parser of all commands: jsonargparse, with errors that name the culprit and the nearest valid key."""

import inspect
import re
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from jsonargparse import ArgumentParser

from lk.text import nearest

PROBLEM = re.compile(r"Problem with given class_path '([^']+)':\s*\n\s*Option '([^']+)' is not accepted")
UNKNOWN = re.compile(
    r"(?:does not accept option '([^']+)'|unrecognized arguments: --([^ =]+)|Key '([^']+)' is not expected)"
)
MISSING = re.compile(r"module '([^']+)' has no attribute '([^']+)'")


def found_class(path: str) -> object:
    """The class or function at an import path, if its module is loaded.

    A message may hold text of a file, and importing runs code.
    """
    module, _, name = path.rpartition(".")
    return getattr(sys.modules.get(module), name, None)


class Parser(ArgumentParser):
    """A parser that shows the innermost error and the nearest valid key instead of pages of usage."""

    def __init__(self, *args: Any, allow_abbrev: bool = False, **settings: Any) -> None:
        super().__init__(*args, allow_abbrev=allow_abbrev, **settings)

    @staticmethod
    def add_command(subcommands: Any, function: Callable[..., Any]) -> "Parser":
        """A subcommand named as a function and described by its docstring, with `--config` and no other argument."""
        description = (inspect.getdoc(function) or "").split("\n")[0]
        parser = Parser(description=description)
        parser.add_argument("--config", action="config", help="YAML file with any of the arguments.")
        subcommands.add_subcommand(function.__name__, parser, help=description)
        return parser

    def all_keys(self) -> list[str]:
        """All keys of this parser and its subcommands."""
        found = []
        for action in self._actions:
            found.append(action.dest)
            choices = getattr(action, "choices", None)
            if isinstance(choices, dict):
                found += [key for parser in choices.values() if isinstance(parser, Parser) for key in parser.all_keys()]
        return [
            key
            for key in found
            if key and not key.endswith("help") and key not in ("config", "subcommand", "print_config")
        ]

    def explain(self, message: str) -> str:
        """The innermost error of a message, with the nearest valid key."""
        if problems := PROBLEM.findall(message):
            path, option = problems[-1]
            found = found_class(path)
            accepted = (
                [name for name in inspect.signature(found).parameters if name != "self"] if callable(found) else []
            )
            return f"expected an option of {path}, got {option!r}. {nearest(option, accepted)}"
        if missing := MISSING.findall(message):
            module, name = missing[-1]
            known = list(getattr(sys.modules.get(module), "__all__", []))
            return f"expected a name of {module}, got {name!r}. {nearest(name, known)}"
        if unknown := UNKNOWN.search(message):
            key = next(group for group in unknown.groups() if group)
            known = self.all_keys()
            family = [k for k in known if k.split(".")[0] == key.split(".")[0]] or [k for k in known if "." not in k]
            return f"expected a key of this command, got {key!r}. {nearest(key, family)}"
        return message

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print one readable error and exit with status 2."""
        if not self.exit_on_error:
            # A parser inside the parser, for the arguments of one class: the outer one tells the user.
            super().error(message, ex)
        explained = self.explain(str(message))
        sys.stderr.write(f"error: {explained}\n(--help lists every key; `{self.prog} --help`)\n")
        sys.exit(2)
