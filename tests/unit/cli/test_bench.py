"""Benchmarks are found in a checkout and their figures read."""

import pytest

from offhook.cli.bench import find_benchmark, parse_figures
from offhook.errors import ConfigurationError


def test_a_benchmark_is_a_file_or_a_folder_that_can_be_run(tmp_path):
    (tmp_path / "media.py").write_text('if __name__ == "__main__":\n    main()\n')
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine/__main__.py").touch()
    (tmp_path / "figures.py").write_text("def show(): ...\n")
    assert find_benchmark("media", tmp_path) == tmp_path / "media.py"
    assert find_benchmark("engine", tmp_path) == tmp_path / "engine"
    with pytest.raises(ConfigurationError, match=r"there are: engine, media$"):
        find_benchmark("speed", tmp_path)


def test_an_installed_package_has_no_benchmarks(tmp_path):
    with pytest.raises(ConfigurationError, match="checkout"):
        find_benchmark("media", tmp_path / "none")


def test_figures_are_told_from_other_output():
    assert parse_figures('{"figure": "media.lost_packets", "value": 0}\n') == [
        {"figure": "media.lost_packets", "value": 0}
    ]
    assert parse_figures("warming up\n") == []
    assert parse_figures('{"value": 1}') == []
    assert parse_figures("[1]") == []
