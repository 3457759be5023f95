"""Where files are, by ``OFFHOOK_STORAGE_URL``: the data directory, another folder, or a bucket."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

from obstore.exceptions import BaseError
from obstore.store import S3Store

from offhook.errors import ConfigurationError
from offhook.files.store import FileStore, folder_files, reason
from offhook.settings import Settings

if TYPE_CHECKING:
    from obstore.store import S3Config

# How long a store may be silent; and how long somebody with a slow line may take to hear an hour.
CONNECT_LIMIT, SILENCE_LIMIT = timedelta(seconds=5), timedelta(seconds=30)
WHOLE_LIMIT = timedelta(hours=1)
# A passing error is tried again within a request's own patience; a store that is away is for those who try later.
RETRIES, RETRY_LIMIT = 3, timedelta(seconds=10)


def open_files(settings: Settings, name: str, *, under: str | None = None) -> FileStore:
    """The store for one kind of files, ``name``: a folder of that name in the data directory by default.

    With a storage URL they are there under ``under`` ("" is the URL's own place; absent: the name).
    A bucket isn't asked yet. Raises ConfigurationError for a URL or setting that can't be used.
    """
    if settings.storage_url is None:
        return folder_files(settings.data_dir.absolute() / name)
    parts = urlsplit(settings.storage_url)
    below = name if under is None else under
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        return folder_files(Path(unquote(parts.path)) / below)
    if parts.scheme == "s3" and parts.netloc:
        return _bucket(settings, parts, below)
    raise ConfigurationError(
        f"OFFHOOK_STORAGE_URL: {settings.storage_url!r} is not supported; use s3://BUCKET/PREFIX or file:///FOLDER, "
        "or leave it away"
    )


def _bucket(settings: Settings, parts: SplitResult, below: str) -> FileStore:
    prefix = "/".join(part for part in (unquote(parts.path).strip("/"), below) if part)
    endpoint = settings.s3_endpoint
    if endpoint is not None and urlsplit(endpoint).scheme not in ("http", "https"):
        raise ConfigurationError(f"OFFHOOK_S3_ENDPOINT: {endpoint!r} must begin with https:// or http://")
    # What is not set here comes from the environment, as for every AWS program.
    config: S3Config = {}
    if endpoint is not None:
        config["endpoint"] = endpoint.rstrip("/")
    if settings.s3_region is not None:
        config["region"] = settings.s3_region
    try:
        store = S3Store(
            parts.netloc,
            prefix=prefix or None,
            config=config,
            client_options={
                "allow_http": (endpoint or "").startswith("http://"),
                "connect_timeout": CONNECT_LIMIT,
                "read_timeout": SILENCE_LIMIT,
                "timeout": WHOLE_LIMIT,
            },
            retry_config={"max_retries": RETRIES, "retry_timeout": RETRY_LIMIT},
        )
    except (BaseError, ValueError) as error:
        raise ConfigurationError(f"OFFHOOK_STORAGE_URL: {settings.storage_url!r}: {reason(error)}") from error
    shown = f"s3://{parts.netloc}/{prefix}".rstrip("/")
    return FileStore(store, f"{shown} at {endpoint}" if endpoint else shown)
