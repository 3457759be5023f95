"""Which model files are in the models folder. Light: the models' own processes ask it before they load."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from offhook.errors import ModelFilesError
from offhook.models.manifest import GROUPS, Group, ModelFile


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One group as it stands in the models folder. ``present`` goes by size; ``fetch`` checks the digests."""

    name: str
    purpose: str
    licence: str
    size_bytes: int
    optional: bool
    present: bool
    missing: tuple[str, ...]


def list_models(models_dir: Path) -> list[ModelStatus]:
    """Every group of the manifest and whether its files are there."""
    return [_status(group, models_dir) for group in GROUPS.values()]


def require(name: str, models_dir: Path) -> None:
    """Raise ModelFilesError, with the command that helps, unless the group's files are in ``models_dir``."""
    status = _status(GROUPS[name], models_dir)
    if not status.present:
        lacking = ", ".join(status.missing)
        raise ModelFilesError(f"{models_dir} lacks {lacking}: run `offhook models fetch {name}`")


def has_size(path: Path, file: ModelFile) -> bool:
    """Whether it is there in full length."""
    return path.is_file() and path.stat().st_size == file.size_bytes


def _status(group: Group, models_dir: Path) -> ModelStatus:
    missing = tuple(file.path for file in group.files if not has_size(models_dir / file.path, file))
    size = sum(file.size_bytes for file in group.files)
    return ModelStatus(group.name, group.purpose, group.licence, size, group.optional, not missing, missing)
