"""Scenarios played one after the other, in one mode."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
import traceback
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeVar

import structlog

from offhook.agents.config import AgentConfig
from offhook.errors import OffhookError
from offhook.testing.scenarios.caller import Caller
from offhook.testing.scenarios.judge import judge
from offhook.testing.scenarios.load import Play, ScenarioError, load_scenario
from offhook.testing.scenarios.observed import Observed
from offhook.testing.scenarios.outcome import Outcome, call_json, moments
from offhook.testing.scenarios.schema import Mode, Scenario
from offhook.testing.scenarios.worlds import AudioWorld, TextWorld
from offhook.testing.virtual_time import VirtualLoop

T = TypeVar("T")
Tell = Callable[[Outcome], None]
Test = Callable[[str], bool]


class World(Protocol):
    """Where calls of a mode are held."""

    async def start(self) -> None:
        """Load what it takes. Raises OffhookError."""

    async def play(self, scenario: Scenario, config: AgentConfig) -> tuple[Observed, Caller]:
        """Hold the scenario's call to its end."""

    async def close(self) -> None:
        """End what was started."""


class Player:
    """Plays scenarios; what a mode needs is loaded with the first one and kept. ``close`` it."""

    def __init__(self, mode: Mode = Mode.TEXT) -> None:
        self.mode = mode
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop if mode is Mode.SIP else VirtualLoop)
        self._world: World | None = None

    def play(self, scenario: Play) -> Outcome:
        """Play one to its end; whatever goes wrong is in the outcome."""
        name, where = scenario.scenario.name, scenario.where
        if skipped := self._unplayable(scenario.scenario):
            return Outcome(name, where, self.mode, skipped=skipped)
        begun_s = time.perf_counter()
        try:
            with quiet_logs():
                return self._run(self._play(scenario))
        except OffhookError as error:
            told = str(error)
        except Exception:  # noqa: BLE001 - one call that breaks must not keep the others from being played
            told = f"it broke:\n{traceback.format_exc()}"
        return Outcome(name, where, self.mode, error=told, seconds=time.perf_counter() - begun_s)

    def close(self) -> None:
        """End the models' processes."""
        if self._world is not None:
            with quiet_logs():
                self._run(self._world.close())
        self._runner.close()

    def _unplayable(self, scenario: Scenario) -> str | None:
        if self.mode not in scenario.modes:
            return f"it is for {', '.join(scenario.modes)} (modes)"
        if self.mode is Mode.SIP and "at" in scenario.model_fields_set:
            return "it has a time of its own (at), and a call over SIP is held now"
        return None

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._runner.run(work)
        # Called out of an async test: its thread's loop is taken.
        with ThreadPoolExecutor(1, thread_name_prefix="scenario") as pool:
            return pool.submit(self._runner.run, work).result()

    async def _play(self, scenario: Play) -> Outcome:
        begun_s = time.perf_counter()
        if self._world is None:
            world = _world(self.mode)
            await world.start()
            self._world = world
        observed, caller = await self._world.play(scenario.scenario, scenario.config)
        return Outcome(
            scenario.scenario.name, scenario.where, self.mode,
            failures=tuple(judge(scenario.scenario, observed, caller.said)),
            seconds=time.perf_counter() - begun_s,
            call_seconds=observed.events[-1][0] / 1000 if observed.events else 0.0,
            moments=moments(observed),
            call=call_json(observed),
        )  # fmt: skip


def _world(mode: Mode) -> World:
    if mode is Mode.TEXT:
        return TextWorld()
    if mode is Mode.AUDIO:
        return AudioWorld()
    from offhook.testing.scenarios.sip_world import SipWorld  # noqa: PLC0415 - the server is loaded where it is needed

    return SipWorld()


@contextlib.contextmanager
def quiet_logs() -> Iterator[None]:
    """Without log lines, unless the program that plays has configured them."""
    if structlog.is_configured():
        yield
        return
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        yield
    finally:
        structlog.reset_defaults()


def run_files(paths: Sequence[Path], mode: Mode, chosen: Test, tell: Tell) -> list[Outcome]:
    """Play the files that are ``chosen``, and ``tell`` each outcome as it is there."""
    player, outcomes = Player(mode), list[Outcome]()
    try:
        for path in paths:
            try:
                scenario = load_scenario(path)
            except ScenarioError as error:
                if not chosen(path.name):
                    continue
                outcomes.append(Outcome(path.name, str(path), mode, error=str(error)))
            else:
                if not chosen(described(scenario)):
                    continue
                outcomes.append(player.play(scenario))
            tell(outcomes[-1])
    finally:
        player.close()
    return outcomes


def chooser(expression: str | None) -> Test:
    """A test of ``described`` scenarios by their words, with ``and``, ``or``, ``not`` and brackets.

    Raises ValueError for an expression that can't be read.
    """
    if not expression:
        return lambda _: True
    tokens = re.findall(r"\(|\)|[^\s()]+", expression)
    test, rest = _either(tokens)
    if rest:
        raise ValueError(f"{' '.join(rest)!r} is too much in {expression!r}")
    return lambda text: test(text.casefold())


def described(scenario: Play) -> str:
    """File name, name and tags: what scenarios are chosen by."""
    return " ".join((Path(scenario.where).name, scenario.scenario.name, *scenario.scenario.tags))


def _either(tokens: list[str]) -> tuple[Test, list[str]]:
    left, rest = _both(tokens)
    while rest[:1] == ["or"]:
        right, rest = _both(rest[1:])
        left = _or(left, right)
    return left, rest


def _both(tokens: list[str]) -> tuple[Test, list[str]]:
    left, rest = _one(tokens)
    while rest[:1] == ["and"]:
        right, rest = _one(rest[1:])
        left = _and(left, right)
    return left, rest


def _one(tokens: list[str]) -> tuple[Test, list[str]]:
    if not tokens or tokens[0] in {"and", "or", ")"}:
        raise ValueError("a word is missing in the expression")
    first, rest = tokens[0], tokens[1:]
    if first == "not":
        inner, rest = _one(rest)
        return (lambda text: not inner(text)), rest
    if first == "(":
        inner, rest = _either(rest)
        if rest[:1] != [")"]:
            raise ValueError("a closing bracket is missing in the expression")
        return inner, rest[1:]
    word = first.casefold()
    return (lambda text: word in text), rest


def _or(left: Test, right: Test) -> Test:
    return lambda text: left(text) or right(text)


def _and(left: Test, right: Test) -> Test:
    return lambda text: left(text) and right(text)
