"""Commands run as programs, on a data directory of their own."""

import os
import subprocess
import sys

import pytest


@pytest.fixture
def data_dir(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def offhook(tmp_path, data_dir):
    """Run ``offhook ARGUMENTS`` in an empty folder; answers the finished process."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OFFHOOK_")}
    environment = {**inherited, "OFFHOOK_DATA_DIR": str(data_dir), "OFFHOOK_HTTP_PORT": "1"}
    main = "from offhook.cli import main; main()"

    def run(*arguments, **settings):
        return subprocess.run(
            [sys.executable, "-c", main, *map(str, arguments)],
            cwd=tmp_path,
            env={**environment, **settings},
            capture_output=True,
            text=True,
            check=False,
        )

    return run
