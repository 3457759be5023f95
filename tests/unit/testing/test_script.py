from pathlib import Path

import pytest

from offhook.errors import ConfigurationError
from offhook.testing.script import CallerScript, Prompter, ScriptLine

SCRIPT = CallerScript(
    lines=(
        ScriptLine(say="Hello."),
        ScriptLine(after="name", say="John Smith."),
        ScriptLine(after="what day", say="Tuesday."),
    )
)


def test_a_line_is_said_after_the_words_it_answers_in_whatever_order_they_come():
    prompter = Prompter(SCRIPT)
    assert prompter.next("Good morning.") == "Hello."
    assert prompter.next("What day would suit you?") == "Tuesday."
    assert prompter.next("And your NAME please?") == "John Smith."
    assert prompter.finished


def test_when_the_agent_asks_again_the_last_line_is_said_again_but_only_after_a_wait():
    prompter = Prompter(SCRIPT)
    prompter.next("Good morning.")
    assert prompter.next("Thank you.") is None
    assert prompter.next("Sorry, what was that?", waited=True) == "Hello."


def test_when_all_is_said_the_caller_is_silent():
    prompter = Prompter(CallerScript(lines=(ScriptLine(say="Bye."),)))
    assert [prompter.next("x"), prompter.next("Goodbye.")] == ["Bye.", None]


def test_a_broken_script_names_the_fault(tmp_path: Path):
    path = tmp_path / "caller.yaml"
    path.write_text("lines:\n  - sy: hello\n")
    with pytest.raises(ConfigurationError, match=r"lines\.0"):
        CallerScript.load(path)
