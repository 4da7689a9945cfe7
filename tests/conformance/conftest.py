"""Every remote there is, each for every test; servers are started once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import stamina

from pipelines.remotes.base import Remote
from pipelines.remotes.directory import DirectoryRemote
from pipelines.remotes.s3 import Options, S3Remote
from tests.support.servers import ENVIRONMENT, SERVERS, Server

#: Names of servers that give the whole for a range, and put where there is something.
HOSTILE = frozenset(("rclone",))
#: Bytes above which tests have an object in parts, and those of a part: the least that S3 takes.
MULTIPART = 6 << 20
PART_SIZE = 5 << 20

Started = Callable[[str], Server]


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """Start a server by its name, or return the running one."""
    running: dict[str, Server] = {}
    with ExitStack() as stack:

        def start(name: str) -> Server:
            if name not in running:
                folder = tmp_path_factory.mktemp(name)
                running[name] = stack.enter_context(SERVERS[name](folder))
            return running[name]

        yield start


@pytest.fixture
def sdk_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials of the test servers, and nothing of the user's."""
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    """Retry without waiting."""
    with stamina.set_testing(True, attempts=5, cap=True):
        yield


@pytest.fixture(params=["directory", *SERVERS, "S3_TEST_URL"])
def kind(request: pytest.FixtureRequest) -> str:
    """Return the name of a remote."""
    return str(request.param)


@pytest.fixture
def remote(kind: str, started: Started, tmp_path: Path, request: pytest.FixtureRequest) -> Remote:
    """Return an empty remote."""
    if kind == "directory":
        return DirectoryRemote(str(tmp_path / "remote"))
    if kind == "S3_TEST_URL":
        return _given(request)
    request.getfixturevalue("sdk_environment")
    server = started(kind)
    options = Options(
        endpoint_url=server.endpoint,
        ca_bundle=server.ca_bundle,
        multipart=MULTIPART,
        part_size=PART_SIZE,
    )
    return S3Remote(*server.place(), options)


def _given(request: pytest.FixtureRequest) -> Remote:
    """Return a user's bucket: `s3://bucket/prefix?endpoint=https://host`, usual credentials."""
    given = os.environ.get("S3_TEST_URL")
    if not given:
        pytest.skip("S3_TEST_URL does not name another server")
    url = urlsplit(given)
    endpoint = url.query.removeprefix("endpoint=") or None
    prefix = f"{url.path.strip('/')}/{os.urandom(6).hex()}".strip("/")
    options = Options(endpoint_url=endpoint, multipart=MULTIPART, part_size=PART_SIZE)
    remote = S3Remote(url.netloc, prefix, options)

    def empty() -> None:
        for stored in remote.list_all():
            remote.delete(stored.name)

    request.addfinalizer(empty)
    return remote
