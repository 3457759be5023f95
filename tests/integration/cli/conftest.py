"""Commands on a data directory of their own."""

import os
import sys
from subprocess import CompletedProcess

import pytest

from offhook import cli


@pytest.fixture
def data_dir(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def offhook(tmp_path, data_dir, monkeypatch, capsys):
    """Run ``offhook ARGUMENTS`` in an empty folder, in this process; answers what a program would have."""
    for name in [name for name in os.environ if name.startswith("OFFHOOK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OFFHOOK_DATA_DIR", str(data_dir))
    monkeypatch.setenv("OFFHOOK_HTTP_PORT", "1")
    monkeypatch.chdir(tmp_path)

    def run(*arguments, **settings):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["offhook", *map(str, arguments)])
            for name, value in settings.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                cli.main()
        out, err = capsys.readouterr()
        return CompletedProcess(arguments, ended.value.code or 0, out, err)

    return run
