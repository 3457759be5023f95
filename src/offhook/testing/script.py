"""What a simulated caller says, and after which words of the agent."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from offhook.errors import ConfigurationError


class ScriptLine(BaseModel):
    """``say`` is spoken when the agent's words match ``after`` (a regular expression; None: whatever was said)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    say: str = Field(min_length=1, max_length=1000)
    after: str | None = None


class CallerScript(BaseModel):
    """A caller's side of a conversation, in the order in which it is meant to go."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: str = "en"
    voice: str | None = None
    lines: tuple[ScriptLine, ...]

    @classmethod
    def load(cls, path: Path) -> CallerScript:
        """Read a YAML script. Raises ConfigurationError naming the fault's path."""
        try:
            return cls.model_validate(yaml.safe_load(path.read_text()))
        except (OSError, yaml.YAMLError) as error:
            raise ConfigurationError(f"{path}: {error}") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ConfigurationError(f"{path}: {where}: {first['msg']}") from error


class Prompter:
    """Picks the next line: the first unsaid one that answers what was heard; after a long wait the last one again."""

    def __init__(self, script: CallerScript) -> None:
        self._left = list(script.lines)
        self._last: str | None = None

    @property
    def finished(self) -> bool:
        """Whether every line was said."""
        return not self._left

    def next(self, heard: str, *, waited: bool = False) -> str | None:
        """The line to say after these words; None: listen on (``waited`` long: the last line again)."""
        for number, line in enumerate(self._left):
            if line.after is None or re.search(line.after, heard, re.IGNORECASE):
                self._last = self._left.pop(number).say
                return self._last
        return self._last if self._left and waited else None
