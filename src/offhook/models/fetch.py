"""Fetch local model files: digests checked, whole or not at all, nothing downloaded twice.

This is what ``offhook models fetch`` runs.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from offhook.errors import ConfigurationError, ModelFilesError
from offhook.models.files import has_size
from offhook.models.manifest import GROUPS, Group, ModelFile
from offhook.models.sources import Carriers, Hub, OnBytes, SourceError, copy_from_folder

_PARTIAL = ".partial"
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a file is. ``source`` names where it comes from ("" when it was there already)."""

    group: str
    path: str
    source: str
    done_bytes: int
    total_bytes: int
    complete: bool = False


OnProgress = Callable[[Progress], None]


def fetch(
    names: Sequence[str],
    models_dir: Path,
    on_progress: OnProgress = lambda _: None,
    *,
    folder: Path | None = None,
    mirrors: bool = False,
) -> list[Path]:
    """Bring the files of the named groups (none named: all that aren't optional) into ``models_dir``.

    ``folder`` is tried first. ``mirrors`` allows carriers whose licence isn't stated. Returns the files' paths.
    Raises ConfigurationError for an unknown name, ModelFilesError naming every source that was tried.
    """
    groups = _groups(names)
    models_dir.mkdir(parents=True, exist_ok=True)
    with _alone(models_dir):
        fetcher = _Fetcher(models_dir, on_progress, folder, mirrors=mirrors)
        try:
            return [fetcher.bring(group, file) for group in groups for file in group.files]
        finally:
            fetcher.close()


def _groups(names: Sequence[str]) -> list[Group]:
    for name in names:
        if name not in GROUPS:
            raise ConfigurationError(f"there is no model {name!r}; there are: {', '.join(GROUPS)}")
    return [group for group in GROUPS.values() if (group.name in names if names else not group.optional)]


class _Fetcher:
    """One run: the sources, tried in their order for each file."""

    def __init__(self, models_dir: Path, on_progress: OnProgress, folder: Path | None, *, mirrors: bool) -> None:
        self._models_dir, self._on_progress, self._folder, self._mirrors = models_dir, on_progress, folder, mirrors
        self._partial = models_dir / _PARTIAL
        self._hub = Hub()
        self._carriers = Carriers(self._partial / "carriers")

    def bring(self, group: Group, file: ModelFile) -> Path:
        target = self._models_dir / file.path
        if _is_whole(target, file):
            self._tell(group, file, "", file.size_bytes, complete=True)
            return target
        reasons = []
        for source, get in self._sources(group, file):
            self._tell(group, file, source, 0)
            try:
                self._take(get, file, target)
            except SourceError as error:
                reasons.append(str(error))
            else:
                self._tell(group, file, source, file.size_bytes, complete=True)
                return target
        raise ModelFilesError(f"{file.path} could not be fetched. Tried: {'; '.join(reasons)}")

    def close(self) -> None:
        self._hub.close()
        if self._partial.is_dir() and not list(self._partial.glob("*.part")):
            self._carriers.clear()
            self._partial.rmdir()

    def _sources(self, group: Group, file: ModelFile) -> Iterator[tuple[str, Callable[[Path], None]]]:
        folder = self._folder
        if folder is not None:
            yield str(folder), lambda to: copy_from_folder(file, folder, to)
        url = file.hub_url
        if url is not None:
            yield "hub", lambda to: self._hub.fetch(url, to, self._bytes(group, file, "hub"))
        if file.carriers and (self._mirrors or not file.opt_in_carriers):
            name = str(file.carriers[0])
            yield name, lambda to: self._carriers.fetch(file, to, self._bytes(group, file, name))

    def _take(self, get: Callable[[Path], None], file: ModelFile, target: Path) -> None:
        """Get the file, and let it stand at its place only when its digest is right."""
        self._partial.mkdir(parents=True, exist_ok=True)
        draft = self._partial / f"{file.sha256}.part"
        get(draft)
        if not _is_whole(draft, file):
            draft.unlink(missing_ok=True)
            raise SourceError("its SHA-256 is not the expected one; discarded")
        target.parent.mkdir(parents=True, exist_ok=True)
        draft.replace(target)

    def _bytes(self, group: Group, file: ModelFile, source: str) -> OnBytes:
        return lambda done, _: self._tell(group, file, source, min(done, file.size_bytes))

    def _tell(self, group: Group, file: ModelFile, source: str, done: int, *, complete: bool = False) -> None:
        self._on_progress(Progress(group.name, file.path, source, done, file.size_bytes, complete))


@contextmanager
def _alone(models_dir: Path) -> Iterator[None]:
    """Wait until no other process fetches into the folder; what it fetched is then simply there."""
    with (models_dir / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_whole(path: Path, file: ModelFile) -> bool:
    if not has_size(path, file):
        return False
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_CHUNK_BYTES):
            digest.update(block)
    return digest.hexdigest() == file.sha256
