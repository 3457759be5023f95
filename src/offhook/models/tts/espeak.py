"""Phonemes from the espeak-ng program, one long-lived process a language.

espeak-ng is GPL, so it is run, never linked. Given no text it reads lines from its input and writes each line's
phonemes at once: 0.5-2 ms a clause where starting it anew costs 14 ms.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import threading
import time

from offhook.errors import ProviderError

_ANSWER_LIMIT_S = 5.0  # a clause takes milliseconds; past this the program hangs
# After each clause comes this word; its phonemes, which no other word has, tell that the clause's are all there.
_MARK = "zyxozyx"


class Phonemizer:
    """Asks espeak-ng; thread-safe. ``language`` is espeak's name (``en-us``, ``fr-fr``)."""

    def __init__(self, program: str = "espeak-ng") -> None:
        path = shutil.which(program)
        if path is None:
            raise ProviderError(f"the local voice needs the program {program}: run `apt-get install espeak-ng`")
        self._path = path
        self._lock = threading.Lock()
        self._speakers: dict[str, _Espeak] = {}

    def ipa(self, text: str, language: str) -> str:
        """IPA of a clause, its words parted by spaces, the letters of diphthongs and affricates tied by ``^``.

        Raises ProviderError when espeak-ng fails twice.
        """
        line = " ".join(text.split())
        with self._lock:
            try:
                return self._speaker(language).ask(line)
            except OSError:
                # It may have been killed; one that dies on its first line too is broken.
                self._speakers.pop(language).close()
            try:
                return self._speaker(language).ask(line)
            except OSError as error:
                self._speakers.pop(language).close()
                raise ProviderError(f"espeak-ng gave no phonemes for the language {language!r}: {error}") from error

    def close(self) -> None:
        """End the programs."""
        with self._lock:
            for speaker in self._speakers.values():
                speaker.close()
            self._speakers.clear()

    def _speaker(self, language: str) -> _Espeak:
        if language not in self._speakers:
            self._speakers[language] = _Espeak(self._path, language)
        return self._speakers[language]


class _Espeak:
    """One running program."""

    def __init__(self, path: str, language: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - espeak-ng, with a language of our own table
            [path, "-q", "--ipa", "--tie=^", "-v", language],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._buffer = b""
        self._mark = ""

    def ask(self, line: str) -> str:
        if not self._mark:
            self._write(f"{_MARK}\n")
            self._mark = self._line()
        self._write(f"{line}\n{_MARK}\n")
        lines: list[str] = []
        while (answer := self._line()) != self._mark:
            lines.append(answer)
        return " ".join(" ".join(lines).split())

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _write(self, text: str) -> None:
        assert self._process.stdin is not None  # noqa: S101 - opened as a pipe
        self._process.stdin.write(text.encode())
        self._process.stdin.flush()

    def _line(self) -> str:
        """The next line of its output. Raises OSError when none comes."""
        assert self._process.stdout is not None  # noqa: S101 - opened as a pipe
        descriptor = self._process.stdout.fileno()
        deadline = time.monotonic() + _ANSWER_LIMIT_S
        while b"\n" not in self._buffer:
            readable, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            block = os.read(descriptor, 65536) if readable else b""
            if not block:
                raise OSError("it ended" if readable else "it does not answer")
            self._buffer += block
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode(errors="replace").strip()
