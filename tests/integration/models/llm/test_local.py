"""The real small model: what it chooses in a conversation, what it costs, and that it ends when told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from offhook.agents.asking import Patience
from offhook.agents.dialogue import Dialogue
from offhook.agents.load import load_agent
from offhook.agents.model import TextDelta
from offhook.agents.providers import LocalLlm
from offhook.agents.questions import Option, Question, QuestionType
from offhook.agents.runner import AgentRunner, Finished, HangUp, Say
from offhook.errors import ConfigurationError, ModelFilesError
from offhook.models.llm.local import LocalLanguageModel
from offhook.record.cost import PriceList
from offhook.record.events import CallCreated, TranscriptAdded
from offhook.record.fold import CallRecord
from offhook.review.asking import build_request, read_answer
from offhook.review.case import Case
from offhook.settings import Settings

pytestmark = pytest.mark.timeout(300)
on_one_loop = pytest.mark.asyncio(loop_scope="module")

SAMPLE = Path(__file__).parents[4] / "src/offhook/agents/samples/appointment.en.agent.yaml"
# A machine that runs other tests at the same time is slow; what is chosen is the same.
PATIENT = Patience(first_words_s=200, more_words_s=200, first_event_s=200, next_event_s=200, total_s=250)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model(models_dir: Path) -> AsyncIterator[LocalLanguageModel]:
    model = LocalLanguageModel.from_settings(LocalLlm(provider="local"), Settings(models_dir=models_dir))
    await model.start()
    yield model
    await model.close()


async def hold(model: LocalLanguageModel, *turns: str) -> tuple[Dialogue, str, bool]:
    """The dialogue after these turns of the caller, the agent's last words, and whether it hung up."""
    dialogue = Dialogue.start(load_agent(SAMPLE), call_start_time=1_767_600_000.0)
    dialogue = dialogue.agent_said(dialogue.greeting() or "")
    runner, said, ended = AgentRunner(model, patience=PATIENT), "", False
    for turn in turns:
        said = ""
        async for event in runner.respond(dialogue, turn):
            if isinstance(event, Say):
                said += event.text
            elif isinstance(event, HangUp):
                ended = True
            elif isinstance(event, Finished):
                dialogue = event.dialogue
    return dialogue, said, ended


@on_one_loop
async def test_it_books_an_appointment_and_answers_a_question(model):
    dialogue, said, _ = await hold(
        model, "Hi, I would like to see the dentist.", "It's Peter Miller.", "Is there parking?", "On Thursday, please."
    )
    assert dialogue.state_name == "time"
    assert dialogue.values["name"] == "Peter Miller"
    assert dialogue.values["day"].isoformat().startswith("2026-01-08")
    assert said == "And at what time?"


@on_one_loop
async def test_an_answer_no_longer_wanted_is_cancelled(model):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await hold(model, "Hello, I have a question about my teeth.")
    _, said, _ = await hold(model, "Could you say that again?")
    assert said == "Hello, this is Riverside Dental. How can I help you?"


@on_one_loop
async def test_it_fills_in_the_form_of_a_call_that_is_over(model):
    record = CallRecord.create(CallCreated(at=1.0, call_id="c", organization_id="o", agent_id="a"))
    said = ["On which day?", "On Thursday, please.", "You are booked for Thursday at ten.", "Thank you, goodbye."]
    for number, text in enumerate(said):
        role = "user" if number % 2 else "agent"
        record.apply(TranscriptAdded(at=2.0 + number, item_id=number, role=role, content=text))
    options = tuple(Option(day, day, 0) for day in ("Monday", "Thursday", "Friday"))
    question = Question("q", "Day", "Which day was booked?", QuestionType.SINGLE_CHOICE, 0, 0, options=options)
    config = load_agent(SAMPLE)
    case = Case(record, config, (question,), PriceList())
    llm = LocalLlm(provider="local")
    events = [event async for event in model.stream(build_request(case, config, llm, [question], summary=False))]
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert read_answer(text) == {"q1": "Thursday"}
    assert events[-1].input_tokens > 100


def test_a_model_that_is_not_here_is_named(tmp_path):
    with pytest.raises(ModelFilesError, match="offhook models fetch llm"):
        LocalLanguageModel.from_settings(LocalLlm(provider="local"), Settings(models_dir=tmp_path))
    with pytest.raises(ConfigurationError, match=r"llm\.model: there is no file big\.gguf"):
        LocalLanguageModel.from_settings(LocalLlm(provider="local", model="big"), Settings(models_dir=tmp_path))
