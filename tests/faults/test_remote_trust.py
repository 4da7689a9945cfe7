"""A remote is not believed: nothing is deleted here on its word, or sent where others say."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from codec.kinds import ObjectName
from pipelines.remotes.s3 import Options, S3Remote
from pipelines.workspace.cache import CACHE
from pipelines.workspace.location import CONFIG
from tests.conformance.conftest import Started, at_once, sdk_environment, started
from tests.faults.hostile import Proxy
from tests.faults.test_remote_faults import place, proxy
from tests.pipelines.conftest import Bench, Cli, command, day, entry, log_of
from tests.pipelines.diffs.test_secret_scan import ONE
from tests.pipelines.transfer.test_read_through import DAYS
from tests.pipelines.transfer.test_read_through import patch_of as large
from tests.pipelines.verbs.test_archive import archives, patch_of
from tests.pipelines.verbs.test_sync import MONTHS, clone, made, own_configuration, record
from tests.support.made_secrets import patch_with
from tests.support.servers import Server

__all__ = [
    "at_once", "made", "own_configuration", "place", "proxy", "sdk_environment", "started",
]  # fmt: skip
pytestmark = pytest.mark.slow


def at(place: tuple[str, str], endpoint: str) -> tuple[str, ...]:
    return ("--remote", "s3://{}/{}".format(*place), "--endpoint-url", endpoint)


def listed(server: Server, place: tuple[str, str]) -> dict[str, tuple[str, str]]:
    """List a prefix with an independent SDK: ETag and time by name."""
    bucket, prefix = place
    found = server.client().list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", ())
    return {o["Key"][len(prefix) + 1 :]: (o["ETag"], str(o["LastModified"])) for o in found}


def seen(cli: Cli, proxy: Proxy, *call: object) -> list[str]:
    """Return the requests of a verb as the server received them."""
    proxy.reset(lambda _: "")
    said = cli(*call)
    assert said.code == 0, said.err
    return ["LIST" if "list-type" in r.path else r.method for r in proxy.seen]


@pytest.mark.parametrize("lie", ["flipped", "other", "empty", "cut", "longer"])
def test_nothing_is_deleted_here_that_a_server_gives_wrongly(
    made: Bench, cli: Cli, proxy: Proxy, place: tuple[str, str], lie: str
) -> None:
    """The status is 200, the ETag right, and the list as well."""
    there = at(place, proxy.endpoint)
    assert cli("sync", made.root, *there).code == 0
    before = archives(made)
    mine, other = (path.read_bytes() for path in before)
    proxy.replacement = {
        "flipped": mine[:50] + bytes([mine[50] ^ 1]) + mine[51:],
        "other": other,
        "empty": b"",
        "cut": mine[:-1],
        "longer": mine + b"\0",
    }[lie]
    proxy.reset(lambda r: "replaced" if before[0].name in r.path else "")
    said = cli("sync", made.root, *there, "--prune-local")
    assert (said.code, len(said.err.splitlines()) > 0) == (12, True)
    assert archives(made) == before
    proxy.reset(lambda _: "")
    assert cli("sync", made.root, *there, "--prune-local").code == 0
    assert archives(made) == []


def test_nothing_is_deleted_here_for_a_list_that_is_stale(
    made: Bench, cli: Cli, proxy: Proxy, started: Started, place: tuple[str, str]
) -> None:
    there = at(place, proxy.endpoint)
    assert cli("sync", made.root, *there).code == 0
    server, before = started("moto"), archives(made)
    bucket, prefix = place
    client = server.client()
    kept: list[bytes] = []
    client.meta.events.register(
        "after-call.s3.ListObjectsV2", lambda http_response, **_: kept.append(http_response.content)
    )
    client.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/", EncodingType="url")
    S3Remote(bucket, prefix, Options(endpoint_url=server.endpoint)).delete(
        ObjectName(f"archive/{before[1].name}")
    )
    (proxy.replacement,) = kept
    proxy.reset(lambda r: "replaced" if "list-type" in r.path else "")
    said = cli("sync", made.root, *there, "--prune-local", "--json")
    assert said.code == 30
    assert before[1] in archives(made)
    proxy.reset(lambda _: "")
    assert cli("sync", made.root, *there).code == 0
    assert ObjectName(f"archive/{before[1].name}") in listed(server, place)


@pytest.mark.parametrize("harm", ["flipped", "emptied"])
def test_nothing_is_deleted_here_that_another_program_changed_there(
    made: Bench,
    cli: Cli,
    started: Started,
    sdk_environment: None,
    harm: str,
) -> None:
    """On the server that checks nothing, and gives its ETag for whatever is there."""
    server = started("rclone")
    bucket, prefix = server.place()
    there = at((bucket, prefix), server.endpoint)
    assert cli("sync", made.root, *there).code == 0
    (first, second) = archives(made)
    data = bytearray(first.read_bytes())
    data[len(data) // 2] ^= 1
    wrong = bytes(data) if harm == "flipped" else bytes(len(data))
    server.client().put_object(Bucket=bucket, Key=f"{prefix}/archive/{first.name}", Body=wrong)
    assert cli("sync", made.root, *there, "--prune-local").code == 12
    assert archives(made) == [first, second]


@pytest.mark.parametrize("kind", ["seaweedfs", "rclone"])
def test_two_machines_that_sync_at_once_to_a_server_both_succeed(
    made: Bench, cli: Cli, started: Started, sdk_environment: None, tmp_path: Path, kind: str
) -> None:
    server = started(kind)
    place = server.place()
    there = at(place, server.endpoint)
    made.commit()
    assert cli("sync", made.root, *there).code == 0
    first = listed(server, place)
    other = clone(made, tmp_path / "other")
    shutil.rmtree(other.root / CACHE)  # another machine has another writer
    record(made, cli, "mine")
    record(other, cli, "theirs")
    for bench in (made, other):
        assert cli("archive", bench.root, "--before", "9999-01").code == 0
    running = [
        subprocess.Popen(command("sync", b.root, *there), stdout=subprocess.PIPE, text=True)
        for b in (made, other, made, other)
    ]
    for process in running:
        process.communicate()
    assert [process.returncode for process in running] == [0, 0, 0, 0]
    now = listed(server, place)
    assert {name: now.get(name) for name in first} == first  # nothing was written over
    for bench in (made, other):
        assert cli("sync", bench.root, *there, "--prune-local").code == 0
        assert archives(bench) == []
    back = tmp_path / "back"
    assert cli("restore", back, *there).code == 0
    restored = Bench(back, made.worker)
    assert {"mine", "theirs"} <= {s.task for s in restored.manifest.sessions.values()}
    assert cli("verify", back, "--json").json["diffs"]["absent"] == 0


def test_a_repository_that_names_another_place_or_allowance_sends_nothing_there(
    made: Bench,
    cli: Cli,
    proxy: Proxy,
    started: Started,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, theirs, mine = started("moto"), started("moto").place(), started("moto").place()
    monkeypatch.setenv("SESSION_CODEC_ENDPOINT_URL", server.endpoint)
    made.log.write_bytes(log_of(entry("2099-02-01T00:00:00Z", patch=patch_with(ONE.text))))
    made.migrate()
    made.log.unlink()
    url = ("--remote", "s3://{}/{}".format(*mine))
    refused = cli("sync", made.root, *url, "--json")
    assert (refused.code, listed(server, mine)) == (3, {})
    (mark,) = {f["fingerprint"] for f in refused.json["findings"]}
    (made.root / CONFIG).write_text(
        f'[remote]\nurl = "s3://{"/".join(theirs)}"\nendpoint_url = "{proxy.endpoint}"\n'
        f'[secrets]\nallow = ["{mark}"]\n[encrypt]\nto = ["age1thief"]\n'
    )
    for arguments in ((), url):
        said = cli("sync", made.root, *arguments, "--prune-local")
        assert said.code in {2, 3}
        assert (listed(server, mine), listed(server, theirs), proxy.seen) == ({}, {}, [])
    assert cli("sync", made.root, *url, "--allow-secret", mark).code == 0
    assert (len(listed(server, mine)), listed(server, theirs), proxy.seen) == (7, {}, [])


def test_requests_are_as_few_as_is_said_counted_by_the_server(
    bench: Bench, cli: Cli, proxy: Proxy, place: tuple[str, str]
) -> None:
    bench.log.write_bytes(
        log_of(*(entry(f"{m}-01T10:00:00Z", task=m, patch=patch_of(m)) for m in MONTHS))
    )
    bench.migrate()
    cli("archive", bench.root)
    there = at(place, proxy.endpoint)

    assert sorted(seen(cli, proxy, "sync", bench.root, *there)) == ["LIST", *["PUT"] * 26]
    assert seen(cli, proxy, "sync", bench.root, *there) == ["LIST"]
    pruned = seen(cli, proxy, "sync", bench.root, "--prune-local", *there)
    assert pruned == ["LIST", *["GET"] * 24]


def test_a_diff_is_shown_by_two_requests_and_the_next_by_one_counted_by_the_server(
    bench: Bench, cli: Cli, proxy: Proxy, place: tuple[str, str]
) -> None:
    bench.log.write_bytes(log_of(*(entry(day(n), patch=large(n)) for n in DAYS)))
    bench.migrate()
    assert cli("archive", bench.root).code == 0
    there = at(place, proxy.endpoint)
    assert cli("sync", bench.root, *there, "--prune-local").code == 0
    show = ("show", day(DAYS[0]), bench.root, "--diff", *there)
    assert [seen(cli, proxy, *show) for _ in range(3)] == [["GET", "GET"], ["GET"], ["GET"]]
