"""The gate before an upload: nothing with a secret leaves, whatever it is packed in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.diffs import secret_scan as secrets
from tests.pipelines.conftest import Bench, Cli, day, entry, log_of, tree
from tests.pipelines.verbs.test_archive import patch_of
from tests.pipelines.verbs.test_sync import own_configuration
from tests.support.made_secrets import patch_with, planted

__all__ = ["own_configuration"]
ONE = planted()[0]
LEAK = patch_with(ONE.text)


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return tmp_path / "remote"


def archived(bench: Bench, cli: Cli) -> str:
    bench.log.write_bytes(log_of(entry(day(1), patch=patch_of("a")), entry(day(2), patch=LEAK)))
    bench.migrate()
    assert cli("archive", bench.root, "--no-scan").code == 0
    return ".diffs/archive/"


def loose(bench: Bench, _cli: Cli) -> str:
    bench.log.write_bytes(log_of(entry(day(1), patch=patch_of("a")), entry(day(2), patch=LEAK)))
    bench.migrate()
    return f".diffs/{day(2)}.diff"


def old_log(bench: Bench, _cli: Cli) -> str:
    bench.log.write_bytes(log_of(entry(day(1), patch=patch_of("a"))) + f"\n{ONE.text}\n".encode())
    bench.migrate()
    return ".diffs/v1/"


def notes(bench: Bench, _cli: Cli) -> str:
    """Write notes by hand into the files that `migrate` and `record` would redact."""
    bench.migrate()
    with (bench.root / "AGENT_PROGRESS_LOG_v2.md").open("a") as f:
        f.write(f"\n{ONE.text}\n")
    return "AGENT_PROGRESS_LOG_v2.md"


def references(bench: Bench, _cli: Cli) -> str:
    bench.migrate()
    (bench.root / "PROJECT_REFERENCES.yaml").write_text(f"stack: [{ONE.text}]\n")
    return "PROJECT_REFERENCES.yaml"


PLACES = [archived, loose, old_log, notes, references]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("option", ["--json", "--dry-run", "--prune-local"])
def test_nothing_is_sent_where_anything_holds_a_secret(
    bench: Bench, cli: Cli, remote: Path, place: Callable[[Bench, Cli], str], option: str
) -> None:
    name = place(bench, cli)
    before = tree(bench.root)
    said = cli("sync", bench.root, "--remote", remote, option)
    assert said.code == 3
    assert f"{name}" in said.out + said.err
    assert ONE.secret not in said.out + said.err
    assert not remote.exists() or tree(remote) == {}
    assert {n: f for n, f in tree(bench.root).items() if "/cache/" not in n} == before


@pytest.mark.parametrize("place", PLACES)
def test_allowed_findings_do_not_stop_an_upload(
    bench: Bench, cli: Cli, remote: Path, place: Callable[[Bench, Cli], str]
) -> None:
    place(bench, cli)
    found = cli("sync", bench.root, "--remote", remote, "--json").json["findings"]
    marks = {f["fingerprint"] for f in found if f["code"] == "secret"}
    assert len(marks) == 1
    allow = ("--allow-secret", *marks)
    assert cli("sync", bench.root, "--remote", remote, *allow).code == 0
    assert tree(remote)
    # It is there: what is not sent is not looked at again.
    assert cli("sync", bench.root, "--remote", remote).code == 0


def test_purged_objects_do_not_block_an_upload(bench: Bench, cli: Cli, remote: Path) -> None:
    archived(bench, cli)
    bench.log.unlink()
    assert cli("sync", bench.root, "--remote", remote).code == 3
    cli("purge", day(2), bench.root, "--yes")
    assert cli("sync", bench.root, "--remote", remote).code == 0


def test_without_a_scanner_nothing_is_sent(
    bench: Bench, cli: Cli, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loose(bench, cli)
    monkeypatch.setitem(sys.modules, "kingfisher_sdk", None)
    monkeypatch.setattr(secrets, "_scanner", secrets._scanner.__wrapped__)
    said = cli("sync", bench.root, "--remote", remote)
    assert said.code == 32
    assert "nothing is let through" in said.err
    assert not remote.exists() or tree(remote) == {}


def test_an_allowance_of_the_repository_lets_nothing_out(
    bench: Bench, cli: Cli, remote: Path
) -> None:
    loose(bench, cli)
    found = cli("sync", bench.root, "--remote", remote, "--json").json["findings"]
    config = bench.root / ".session-codec" / "config.toml"
    config.write_text(f'[secrets]\nallow = ["{found[0]["fingerprint"]}"]\n')
    said = cli("sync", bench.root, "--remote", remote)
    assert (said.code, remote.exists() and tree(remote)) == (3, False)
    assert "[secrets] is ignored" in said.err
    trusted = cli("sync", bench.root, "--remote", remote, "--trust-repo-config")
    assert trusted.code == 0
