"""Reading through: a diff whose archive is only on the remote, by as few requests as can be."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from codec.archive.container import TAIL
from codec.errors import IntegrityError
from codec.kinds import Key
from pipelines.diffs.store import Store
from pipelines.outcomes.errors import NotFound
from pipelines.remotes.base import Remote
from pipelines.remotes.directory import DirectoryRemote
from pipelines.remotes.s3 import Options, S3Remote
from pipelines.workspace.cache import CACHE, write_cache
from tests.conformance.conftest import Started, at_once, sdk_environment, started
from tests.pipelines.conftest import Bench, Cli, day, entry, log_of
from tests.pipelines.verbs.test_archive import archives
from tests.pipelines.verbs.test_sync import own_configuration

__all__ = ["at_once", "own_configuration", "sdk_environment", "started"]
DAYS = range(1, 15)


def patch_of(n: int) -> bytes:
    """Return a patch that hardly compresses."""
    text = random.Random(n).randbytes(20_000).hex()  # noqa: S311 - as good as any
    lines = "".join(f"+{text[i : i + 64]}\n" for i in range(0, len(text), 64))
    head = f"diff --git a/f{n}.py b/f{n}.py\n--- a/f{n}.py\n+++ b/f{n}.py\n"
    return f"{head}@@ -0,0 +1,{lines.count(chr(10))} @@\n{lines}".encode()


Opened = Callable[[], Remote]


@pytest.fixture(params=["directory", "moto", "rclone"])
def opened(
    request: pytest.FixtureRequest, started: Started, tmp_path: Path, sdk_environment: None
) -> Opened:
    """Open the same remote again with its request counts at zero."""
    if request.param == "directory":
        return lambda: DirectoryRemote(str(tmp_path / "remote"))
    server = started(request.param)
    place = server.place()
    return lambda: S3Remote(*place, Options(endpoint_url=server.endpoint))


@pytest.fixture
def pruned(bench: Bench, cli: Cli, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Make a workspace whose only archive is on the remote and was deleted locally."""
    bench.log.write_bytes(log_of(*(entry(day(n), task=f"t-{n}", patch=patch_of(n)) for n in DAYS)))
    bench.migrate()
    bench.log.unlink()
    assert cli("archive", bench.root).code == 0
    (archive,) = archives(bench)
    assert archive.stat().st_size > TAIL
    monkeypatch.setattr("pipelines.cli.commands.sync.open_remote", lambda *_, **_more: opened())
    monkeypatch.setattr("pipelines.cli.remote_options.open_remote", lambda *_, **_more: opened())
    assert cli("sync", bench.root, "--remote", "given", "--prune-local").code == 0
    assert archives(bench) == []
    return bench


def read(bench: Bench, remote: Remote, *days: int) -> dict[str, int]:
    """Read diffs as one process does; the requests that it took."""
    store = Store(bench.workspace, lambda: remote)
    sessions = bench.manifest.sessions
    for n in days:
        patch = sessions[Key(day(n))].patch
        assert patch is not None
        assert store.read(Key(day(n)), patch) == patch_of(n)
    return dict(remote.requests)


def test_a_cold_show_is_two_gets_and_a_warm_one_is_one(pruned: Bench, opened: Opened) -> None:
    assert read(pruned, opened(), 3) == {"GET": 2}
    assert read(pruned, opened(), 4) == {"GET": 1}
    assert read(pruned, opened(), 3) == {"GET": 1}


def test_many_diffs_of_one_frame_are_one_request(pruned: Bench, opened: Opened) -> None:
    assert read(pruned, opened(), *DAYS, *DAYS) == {"GET": 2}


def test_show_asks_the_remote_only_for_missing_diffs(
    pruned: Bench, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = cli("show", day(3), pruned.root, "--diff", "--remote", "given")
    assert (shown.code, shown.out.encode()) == (0, patch_of(3))
    monkeypatch.setenv("SESSION_CODEC_REMOTE", "given")
    assert cli("show", day(4), pruned.root, "--diff").out.encode() == patch_of(4)
    (pruned.root / ".diffs" / f"{day(5)}.diff").write_bytes(patch_of(5))

    def never(*_: object, **_more: object) -> Remote:
        raise AssertionError("the diff is here")

    monkeypatch.setattr("pipelines.cli.remote_options.open_remote", never)
    assert cli("show", day(5), pruned.root, "--diff").out.encode() == patch_of(5)


def test_without_a_remote_a_diff_that_is_not_here_is_not_found(pruned: Bench, cli: Cli) -> None:
    shown = cli("show", day(3), pruned.root, "--diff")
    assert shown.code == 30
    assert "restore --only diffs" in shown.err


def test_a_copy_that_was_put_again_is_read_again(pruned: Bench, opened: Opened) -> None:
    read(pruned, opened(), 3)
    (cached,) = (pruned.root / CACHE).glob("*.end")
    _, version, end = cached.read_bytes().split(b"\n", 2)
    assert version
    write_cache(str(cached), b'{"version":"\\"other\\""}\n' + end)
    assert read(pruned, opened(), 3)["GET"] <= 4
    assert read(pruned, opened(), 3) == {"GET": 1}


@pytest.mark.parametrize("harm", [b"", b"{}\n", b"not json\nxxx", b'{"version":"x"}\nshort'])
def test_a_damaged_cache_is_rebuilt(pruned: Bench, opened: Opened, harm: bytes) -> None:
    read(pruned, opened(), 3)
    (cached,) = (pruned.root / CACHE).glob("*.end")
    cached.write_bytes(harm)
    assert read(pruned, opened(), 3)["GET"] <= 4
    assert read(pruned, opened(), 3) == {"GET": 1}


@pytest.mark.parametrize("harm", ["flipped", "cut"])
def test_a_damaged_copy_gives_nothing(pruned: Bench, tmp_path: Path, harm: str) -> None:
    if not (tmp_path / "remote").exists():
        pytest.skip("a directory is what a test can damage")
    (path,) = (tmp_path / "remote" / "archive").iterdir()
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(bytes(data) if harm == "flipped" else bytes(data[:-1]))
    remote = DirectoryRemote(str(tmp_path / "remote"))
    with pytest.raises(IntegrityError):
        read(pruned, remote, *DAYS)
    path.unlink()
    with pytest.raises(NotFound):
        read(pruned, remote, 3)
