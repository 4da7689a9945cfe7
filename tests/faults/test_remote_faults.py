"""Fail every request to a remote once, in every way.

Nothing is lost or doubled, and the end is the same as without the fault.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Final

import pytest

from codec.errors import IntegrityError
from codec.kinds import ObjectName
from pipelines.outcomes.errors import Denied, PipelineError, Unavailable
from pipelines.remotes.base import content_of, read_whole
from pipelines.remotes.s3 import Options, S3Remote
from pipelines.workspace.cache import CACHE
from tests.conformance.conftest import (
    MULTIPART,
    PART_SIZE,
    Started,
    at_once,
    sdk_environment,
    started,
)
from tests.faults.hostile import ECHOED, Harm, Proxy, Request
from tests.pipelines.conftest import Bench, Cli, command, tree
from tests.pipelines.verbs.test_archive import archives
from tests.pipelines.verbs.test_sync import made, own_configuration, without_cache
from tests.support.servers import SECRET

__all__ = ["at_once", "made", "own_configuration", "sdk_environment", "started"]
pytestmark = pytest.mark.slow

A: Final = ObjectName("a")
BIG: Final = ObjectName("large")
SMALL = random.Random(3).randbytes(50_000)  # noqa: S311 - bytes that do not compress
LARGE = random.Random(4).randbytes(MULTIPART + 6_000_000)  # noqa: S311 - the same
#: What passes when it is asked again.
PASSING = ["reset", "lost", "500", "503", "broken", "short", "altered", "whole", "careless"]


@pytest.fixture
def proxy(
    started: Started, sdk_environment: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Proxy]:
    """Put a proxy before a server, and make the SDK retry without waiting."""
    no_wait = SimpleNamespace(sleep=lambda _: None, time=time.time)
    monkeypatch.setattr("botocore.endpoint.time", no_wait)
    with Proxy(started("moto").endpoint).running() as running:
        yield running


@pytest.fixture
def place(started: Started) -> tuple[str, str]:
    """Return a bucket and a prefix in it."""
    return started("moto").place()


def opened(endpoint: str, place: tuple[str, str]) -> S3Remote:
    options = Options(endpoint_url=endpoint, multipart=MULTIPART, part_size=PART_SIZE, jobs=1)
    return S3Remote(*place, options)


def nth(number: int, fault: str) -> Harm:
    """One request meets a fault."""
    return lambda request: fault if request.number == number else ""


def uploads(remote: S3Remote, prefix: str) -> list[str]:
    """Multipart uploads that were never ended."""
    listed = remote._client.list_multipart_uploads(Bucket=remote.url.split("/")[2])
    return [u["Key"] for u in listed.get("Uploads", ()) if u["Key"].startswith(prefix)]


@pytest.mark.parametrize("fault", [*PASSING, "409", "digest"])
def test_a_put_that_fails_once_arrives_whole_and_once(
    proxy: Proxy, started: Started, place: tuple[str, str], fault: str
) -> None:
    direct = opened(started("moto").endpoint, place)
    for data in (SMALL, LARGE):
        name = f"{fault}-{len(data)}"
        proxy.reset(lambda _: "")
        opened(proxy.endpoint, place).put(ObjectName(f"{name}-plain"), content_of(data))
        requests = len(proxy.seen)
        for number in range(1, requests + 1):
            proxy.reset(nth(number, fault))
            opened(proxy.endpoint, place).put(ObjectName(f"{name}-{number}"), content_of(data))
            assert len(proxy.seen) >= number
            whole = hashlib.sha256(read_whole(direct, ObjectName(f"{name}-{number}"))).digest()
            assert whole == hashlib.sha256(data).digest(), (fault, number)
        assert uploads(direct, place[1]) == []
    assert len(direct.list_all()) == 2 + 1 + 6


@pytest.mark.parametrize("fault", PASSING)
def test_a_read_that_fails_once_is_repeated(
    proxy: Proxy, started: Started, place: tuple[str, str], fault: str
) -> None:
    direct = opened(started("moto").endpoint, place)
    direct.put(A, content_of(SMALL))
    reads: dict[str, Callable[[S3Remote], bytes]] = {
        "range": lambda r: r.read(A, 100, 40_000).data,
        "end": lambda r: r.read_end(A, 40_000).data,
        "whole": lambda r: read_whole(r, A),
        "list": lambda r: str([o[:2] for o in r.list_all()]).encode(),
    }
    for name, read in reads.items():
        if fault == "short" and name in {"list", "whole"}:
            continue  # no length says that it is cut: what reads it has a hash
        proxy.reset(nth(1, fault))
        assert read(opened(proxy.endpoint, place)) == read(direct), name


@pytest.mark.parametrize("fault", ["silent", "late"])
def test_a_request_without_an_answer_in_time_is_repeated(
    proxy: Proxy,
    started: Started,
    place: tuple[str, str],
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether the server did it, and only the answer is late, or not."""
    monkeypatch.setattr("pipelines.remotes.s3.client.READ_TIMEOUT", 0.5)
    direct = opened(started("moto").endpoint, place)
    for name, data in (("small", SMALL), ("large", LARGE)):
        requests = 1 if data is SMALL else 5
        for number in range(1, requests + 1):
            proxy.reset(nth(number, fault))
            opened(proxy.endpoint, place).put(ObjectName(f"{name}-{number}"), content_of(data))
            assert len(proxy.seen) > number
            assert read_whole(direct, ObjectName(f"{name}-{number}")) == data
    assert uploads(direct, place[1]) == []
    proxy.reset(nth(1, fault))
    assert read_whole(opened(proxy.endpoint, place), ObjectName("small-1")) == SMALL


@pytest.mark.parametrize("then", ["", "whole", "careless", "broken"])
def test_a_large_object_that_breaks_off_goes_on_where_it_did(
    proxy: Proxy, started: Started, place: tuple[str, str], then: str
) -> None:
    """Also where the server gives the whole once more instead of the rest."""
    opened(started("moto").endpoint, place).put(BIG, content_of(LARGE))
    faults = ["broken", then]
    proxy.reset(lambda r: faults[r.number - 1] if r.number <= len(faults) else "")
    pieces: list[bytes] = []
    assert opened(proxy.endpoint, place).copy(BIG, pieces.append) == len(LARGE)
    assert b"".join(pieces) == LARGE
    assert len(proxy.seen) == (3 if then == "broken" else 2)


def test_a_list_that_breaks_off_is_not_an_empty_remote(
    proxy: Proxy, place: tuple[str, str]
) -> None:
    proxy.reset(lambda _: "short")
    with pytest.raises(PipelineError):
        opened(proxy.endpoint, place).list_all()


FINAL = {
    "denied": (Denied, "access denied"),
    "expired": (Denied, "have expired"),
    "skewed": (Denied, "clock is wrong"),
    "region": (Unavailable, "in another region"),
    "500": (Unavailable, "answered 500"),
    "503": (Unavailable, "answered 503"),
    "409": (Unavailable, "answered 409"),
    "reset": (Unavailable, "does not answer"),
    "silent": (Unavailable, "does not answer"),
}


@pytest.mark.parametrize("fault", FINAL)
def test_lasting_faults_are_errors_in_words_without_text_of_the_server(
    proxy: Proxy, place: tuple[str, str], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.remotes.s3.client.READ_TIMEOUT", 0.2)
    kind, problem = FINAL[fault]
    proxy.reset(lambda _: fault)
    remote = opened(proxy.endpoint, place)
    calls: list[Callable[[], object]] = [
        remote.list_all,
        lambda: remote.put(A, content_of(SMALL)),
        lambda: remote.put(ObjectName("b"), content_of(LARGE)),
        lambda: remote.read(A, 0, 10),
        lambda: remote.read_end(A, 10),
        lambda: remote.copy(A, len),
        lambda: remote.delete(A),
    ]
    for call in calls if fault != "silent" else calls[:1]:
        with pytest.raises(kind, match=problem) as caught:
            call()
        assert ECHOED not in str(caught.value)
        assert SECRET not in str(caught.value)
        assert caught.value.__suppress_context__
    assert len(proxy.seen) <= 5 * len(calls) * 5


@pytest.mark.parametrize("fault", ["500", "reset", "denied", "expired"])
def test_an_upload_in_parts_that_fails_for_good_leaves_no_parts(
    proxy: Proxy, started: Started, place: tuple[str, str], fault: str
) -> None:
    direct = opened(started("moto").endpoint, place)

    def harm(request: Request) -> str:
        return fault if "partNumber=2" in request.path else ""

    proxy.reset(harm)
    with pytest.raises(PipelineError):
        opened(proxy.endpoint, place).put(BIG, content_of(LARGE))
    assert uploads(direct, place[1]) == []
    assert direct.list_all() == []


def test_an_upload_in_parts_that_was_killed_is_taken_up_again(
    proxy: Proxy, started: Started, place: tuple[str, str]
) -> None:
    direct = opened(started("moto").endpoint, place)

    def harm(request: Request) -> str:
        second = "partNumber=2" in request.path
        return "reset" if second or request.method == "DELETE" else ""

    proxy.reset(harm)
    with pytest.raises(Unavailable):
        opened(proxy.endpoint, place).put(BIG, content_of(LARGE))
    assert len(uploads(direct, place[1])) == 1  # as after a kill: nothing was aborted
    proxy.reset(lambda _: "")
    assert opened(proxy.endpoint, place).put(BIG, content_of(LARGE))
    assert [r.path for r in proxy.seen if "partNumber=1" in r.path] == []
    assert read_whole(direct, BIG) == LARGE
    assert uploads(direct, place[1]) == []


def test_an_upload_that_was_completed_before_is_checked_and_not_sent_again(
    proxy: Proxy, started: Started, place: tuple[str, str]
) -> None:
    """As where the answer to the first request was lost, on a server that forgets what it ended."""

    def harm(request: Request) -> str:
        return "gone" if request.method == "POST" and "uploadId=" in request.path else ""

    proxy.reset(harm)
    opened(proxy.endpoint, place).put(BIG, content_of(LARGE))
    assert [r.method for r in proxy.seen if "partNumber=1" in r.path] == ["PUT"]
    assert proxy.seen[-1].method == "GET"
    assert read_whole(opened(started("moto").endpoint, place), BIG) == LARGE


def test_repeatedly_damaged_bytes_are_an_error(proxy: Proxy, place: tuple[str, str]) -> None:
    proxy.reset(lambda request: "altered" if request.method == "PUT" else "")
    with pytest.raises(IntegrityError, match="does not match its name"):
        opened(proxy.endpoint, place).put(A, content_of(SMALL))


def synced(cli: Cli, bench: Bench, proxy: Proxy, place: tuple[str, str]) -> int:
    url = "s3://{}/{}".format(*place)
    return cli(
        "sync", bench.root, "--remote", url, "--endpoint-url", proxy.endpoint, "--jobs", "1"
    ).code


def contents(remote: S3Remote) -> dict[str, bytes]:
    """Return the objects of a remote, those of writers left out."""
    return {
        o.name if not o.name.startswith("snapshot") else o.name[-28:]: read_whole(remote, o.name)
        for o in remote.list_all()
    }


@pytest.mark.parametrize("fault", [*PASSING, "409", "expired", "denied", "skewed"])
def test_a_sync_whose_nth_request_fails_ends_as_one_that_did_not(
    made: Bench, cli: Cli, proxy: Proxy, started: Started, fault: str, tmp_path: Path
) -> None:
    shutil.copytree(made.root, tmp_path / "start", symlinks=True)
    plain = started("moto").place()
    assert synced(cli, made, proxy, plain) == 0
    wanted = contents(opened(started("moto").endpoint, plain))
    requests = len(proxy.seen)
    assert requests == 7
    for number in range(1, requests + 1):
        shutil.rmtree(made.root)
        shutil.copytree(tmp_path / "start", made.root, symlinks=True)
        here = started("moto").place()
        proxy.reset(nth(number, fault))
        code = synced(cli, made, proxy, here)
        assert code == (0 if fault in {*PASSING, "409"} else 31), (fault, number)
        if (fault, number) == ("short", 1):
            continue
        proxy.reset(lambda _: "")
        assert synced(cli, made, proxy, here) == 0
        assert contents(opened(started("moto").endpoint, here)) == wanted, (fault, number)


@pytest.mark.parametrize("fault", [*PASSING, "expired"])
def test_a_restore_whose_nth_request_fails_ends_as_one_that_did_not(
    made: Bench, cli: Cli, proxy: Proxy, place: tuple[str, str], fault: str, tmp_path: Path
) -> None:
    assert synced(cli, made, proxy, place) == 0
    url = "s3://{}/{}".format(*place)
    back = tmp_path / "back"
    for number in range(1, 8):
        proxy.reset(nth(number, fault))
        there = ("--remote", url, "--endpoint-url", proxy.endpoint, "--jobs", "1")
        code = cli("restore", back, *there).code
        if fault == "expired" or (fault == "short" and code):
            assert code == {"expired": 31, "short": 12}[fault]
            proxy.reset(lambda _: "")
            code = cli("restore", back, *there).code
        assert code == 0, (fault, number)
        assert without_cache(back) == without_cache(made.root), (fault, number)
        shutil.rmtree(back)


def kill_at(number: int, proxy: Proxy, arguments: list[str], fault: str) -> int:
    """Run a verb and kill it when its nth request arrives, answered or not; its exit code."""
    process: subprocess.Popen[bytes] | None = None
    begun = threading.Event()

    def harm(request: Request) -> str:
        if request.number != number:
            return ""
        begun.wait()
        assert process is not None
        process.kill()
        process.wait()
        return fault

    proxy.reset(harm)
    process = subprocess.Popen(
        command(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    begun.set()
    return process.wait()


def check_killed(
    made: Bench, cli: Cli, proxy: Proxy, started: Started, tmp_path: Path, number: int, fault: str
) -> None:
    """Killed at a request, sync and restore are completed by the next run."""
    endpoint = started("moto").endpoint
    place, back = started("moto").place(), tmp_path / f"back-{number}-{fault}"
    there = ["--remote", "s3://{}/{}".format(*place), "--jobs", "1", "--endpoint-url"]
    code = kill_at(number, proxy, ["sync", str(made.root), *there, proxy.endpoint], fault)
    assert code == (-9 if len(proxy.seen) >= number else 0)
    assert cli("sync", made.root, *there, endpoint).code == 0
    assert len({o.name for o in opened(endpoint, place).list_all()}) in (6, 7)
    kill_at(number, proxy, ["restore", str(back), *there, proxy.endpoint], fault)
    assert cli("restore", back, *there, endpoint).code == 0
    assert without_cache(back) == without_cache(made.root)
    shutil.rmtree(made.root / CACHE)


@pytest.mark.parametrize("fault", ["reset", ""])
def test_killed_at_every_request_nothing_is_lost(
    made: Bench, cli: Cli, proxy: Proxy, started: Started, tmp_path: Path, fault: str
) -> None:
    for number in range(1, 8):
        check_killed(made, cli, proxy, started, tmp_path, number, fault)


def test_killed_at_a_request_nothing_is_lost(
    made: Bench, cli: Cli, proxy: Proxy, started: Started, tmp_path: Path
) -> None:
    check_killed(made, cli, proxy, started, tmp_path, 3, "")


@pytest.mark.parametrize("fault", ["altered-read", "short", "careless"])
def test_nothing_is_deleted_here_that_a_lying_server_cannot_give_back(
    made: Bench, cli: Cli, proxy: Proxy, place: tuple[str, str], fault: str
) -> None:
    assert synced(cli, made, proxy, place) == 0
    before = archives(made)
    url = "s3://{}/{}".format(*place)
    proxy.reset(lambda request: fault if "/archive/" in request.path else "")
    there = ("--remote", url, "--endpoint-url", proxy.endpoint)
    code = cli("sync", made.root, *there, "--prune-local").code
    if fault == "careless":
        assert (code, archives(made)) == (0, [])  # it gave everything back
    else:
        assert (code != 0, archives(made)) == (True, before)


def test_no_secret_is_printed_whatever_fails(
    made: Bench, cli: Cli, proxy: Proxy, place: tuple[str, str]
) -> None:
    url = "s3://{}/{}".format(*place)
    for fault in FINAL:
        if fault == "silent":
            continue
        proxy.reset(lambda _, fault=fault: fault)  # type: ignore[misc]
        for more in ((), ("--json",)):
            said = cli("sync", made.root, "--remote", url, "--endpoint-url", proxy.endpoint, *more)
            assert said.code in (31, 32)
            for secret in (ECHOED, SECRET, "Signature", "Traceback"):
                assert secret not in said.out + said.err
    assert tree(made.root)
