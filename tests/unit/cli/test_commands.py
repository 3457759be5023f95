"""The list of commands is complete, fast, and each command is there."""

import subprocess
import sys

import pytest

from offhook.cli.commands import COMMANDS


def test_help_names_every_command(run):
    code, out, _ = run("--help")
    assert code == 0
    for name in COMMANDS:
        assert f"\n  {name} " in out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(run, name):
    code, out, _ = run(name, "--help")
    assert code == 0
    assert f"offhook {name}" in out


def test_the_list_of_commands_loads_nothing_heavy():
    check = (
        "import sys; sys.argv = ['offhook', '--help']\n"
        "from offhook.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'sqlalchemy', 'httpx2', 'pydantic', 'onnxruntime', 'rich', 'offhook.settings'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    "arguments", [["nothing"], ["calls", "show"], ["calls", "list", "--limit", "0"], ["call", "x"]]
)
def test_wrong_usage_is_code_2_on_stderr(run, arguments):
    code, out, err = run(*arguments)
    assert code == 2
    assert out == ""
    assert "Usage: offhook" in err
