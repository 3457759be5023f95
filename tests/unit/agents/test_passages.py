"""What knowledge bases say reaches the model behind the words it answers, and the record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from offhook.agents.dialogue import Dialogue, Passage
from offhook.agents.load import parse_agent
from offhook.agents.runner import AgentRunner, Consulted, Finished, Problem, RunnerEvent, Say
from offhook.errors import NotFoundError
from offhook.models.llm.rules import RulesModel

BASE, OTHER = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
PARKING = Passage(BASE, "s1", "guide.pdf", "There is a car park behind the house. It costs two euros an hour.", 0.9)


class Library:
    def __init__(self, found: tuple[Passage, ...] = (PARKING,), *, delay_s: float = 0, gone: bool = False) -> None:
        self.asked: list[tuple[tuple[str, ...], str, int]] = []
        self._found, self._delay_s, self._gone = found, delay_s, gone

    async def search(self, base_ids: Sequence[str], query: str, limit: int) -> tuple[Passage, ...]:
        self.asked.append((tuple(base_ids), query, limit))
        await asyncio.sleep(self._delay_s)
        if self._gone:
            raise NotFoundError("no such knowledge base")
        return self._found


def dialogue(*states: dict[str, Any], **fields: Any) -> Dialogue:
    data = {"name": "A", "initial_state_name": "s", "states": list(states) or [{"name": "s"}]}
    return Dialogue.start(parse_agent(data | {"knowledge_base_ids": [BASE]} | fields)).agent_said("Hello.")


async def respond(runner: AgentRunner, start: Dialogue, text: str) -> list[RunnerEvent]:
    return [event async for event in runner.respond(start, text)]


def of(events: list[RunnerEvent], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


async def test_passages_stand_behind_the_words_they_answer_and_are_told(scripted: Callable) -> None:
    model, library = scripted(["Behind the house."]), Library()
    events = await respond(AgentRunner(model, library=library), dialogue(), "Where can I park?")
    assert library.asked == [((BASE,), "Where can I park?", 4)]
    roles = [message.role for message in model.requests[0].messages]
    assert roles == ["system", "assistant", "user", "system"]
    assert "car park behind" in model.requests[0].messages[-1].content
    assert of(events, Consulted) == [Consulted("Where can I park?", (PARKING,))]


async def test_all_before_the_passages_is_the_same_in_every_turn(scripted: Callable) -> None:
    model = scripted(["Behind the house."])
    runner = AgentRunner(model, library=Library())
    events = await respond(runner, dialogue(), "Where can I park?")
    finished = events[-1]
    assert isinstance(finished, Finished)
    await respond(runner, finished.dialogue, "And what does it cost?")
    first, second = (request.messages for request in model.requests)
    assert second[:3] == first[:3]
    assert sum("car park" in message.content for message in second) == 1


async def test_one_search_a_turn_though_the_model_is_asked_twice(scripted: Callable, call: Callable) -> None:
    states = [{"name": "s", "transitions": [{"destination_state_name": "t"}]}, {"name": "t"}]
    model, library = scripted([call("go_to_t")], ["There."]), Library()
    await respond(AgentRunner(model, library=library), dialogue(*states), "Where can I park?")
    assert len(library.asked) == 1
    assert [message.role for message in model.requests[1].messages] == [
        "system", "assistant", "user", "system", "assistant", "tool",
    ]  # fmt: skip


async def test_a_state_with_bases_of_its_own_consults_those(scripted: Callable, call: Callable) -> None:
    states = [
        {"name": "s", "transitions": [{"destination_state_name": "t"}]},
        {"name": "t", "knowledge_base_ids": [OTHER], "transitions": [{"destination_state_name": "u"}]},
        {"name": "u", "knowledge_base_ids": []},
    ]
    model, library = scripted([call("go_to_t")], [call("go_to_u")], ["Hm."]), Library()
    await respond(AgentRunner(model, library=library), dialogue(*states), "Where can I park?")
    assert [bases for bases, _, _ in library.asked] == [(BASE,), (OTHER,)]
    assert all("car park" not in message.content for message in model.requests[2].messages)


async def test_a_word_alone_is_no_question(scripted: Callable) -> None:
    library = Library()
    await respond(AgentRunner(scripted(["Good."]), library=library), dialogue(), "Yes.")
    assert library.asked == []


async def test_an_agent_without_bases_searches_nothing(scripted: Callable) -> None:
    library = Library()
    await respond(AgentRunner(scripted(["Hm."]), library=library), dialogue(knowledge_base_ids=[]), "Where is it?")
    assert library.asked == []


async def test_a_search_that_fails_is_reported_and_the_agent_answers(scripted: Callable) -> None:
    events = await respond(AgentRunner(scripted(["Hm."]), library=Library(gone=True)), dialogue(), "Where can I park?")
    assert of(events, Problem) == [Problem("knowledge_failed", "no such knowledge base")]
    assert of(events, Say) == [Say("Hm.")]


def test_a_slow_search_is_not_waited_for(scripted: Callable, virtually: Callable) -> None:
    runner = AgentRunner(scripted(["Hm."]), library=Library(delay_s=60))

    async def main() -> tuple[float, list[RunnerEvent]]:
        events = await respond(runner, dialogue(), "Where can I park?")
        return asyncio.get_running_loop().time(), events

    took_s, events = virtually(main())
    assert took_s <= 0.35
    assert [problem.code for problem in of(events, Problem)] == ["knowledge_failed"]


async def test_the_rules_answer_from_the_passage_that_fits() -> None:
    runner = AgentRunner(RulesModel(), library=Library())
    events = await respond(runner, dialogue(), "Where can I park my car?")
    assert "There is a car park behind the house." in "".join(event.text for event in of(events, Say))


async def test_the_rules_answer_from_a_passage_of_one_sentence() -> None:
    only = Passage(BASE, "s1", "faq.md", "A check-up costs 60 dollars.", 0.9)
    events = await respond(AgentRunner(RulesModel(), library=Library((only,))), dialogue(), "How much is a check-up?")
    assert "A check-up costs 60 dollars." in "".join(event.text for event in of(events, Say))


async def test_the_rules_prefer_what_the_agent_itself_was_told() -> None:
    runner = AgentRunner(RulesModel(), library=Library())
    start = dialogue(base_prompt="The car park is in the yard.\nWe are open until six.")
    events = await respond(runner, start, "Where can I park my car?")
    assert "in the yard" in "".join(event.text for event in of(events, Say))


# ---------------------------------------------------------------------- a state's own model


async def test_a_state_is_answered_by_its_own_model(scripted: Callable, call: Callable) -> None:
    states = [{"name": "s", "transitions": [{"destination_state_name": "t"}]}, {"name": "t"}]
    first, second = scripted([call("go_to_t")]), scripted(["I am the second."])
    runner = AgentRunner(first, by_state={"t": second})
    events = await respond(runner, dialogue(*states), "Go on, please.")
    assert (len(first.requests), len(second.requests)) == (1, 1)
    assert of(events, Say)[-1].text.strip() == "I am the second."


async def test_the_fallback_steps_in_for_a_state_s_model_and_is_asked_by_its_own_name(
    scripted: Callable, broken: Exception
) -> None:
    llm = {"provider": "openai_compatible", "model": "large"}
    own, fallback = scripted([broken]), scripted(["I help out."])
    runner = AgentRunner(scripted([]), fallback, by_state={"s": own})
    await respond(runner, dialogue({"name": "s", "llm": llm}), "Go on, please.")
    assert (len(own.requests), len(fallback.requests)) == (2, 1)
    assert fallback.requests[0].model is None
