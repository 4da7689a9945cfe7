"""The large log: to a real server, and back on an empty machine, byte for byte."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipelines.workspace.location import V1_LOG
from tests.conformance.conftest import Started, at_once, sdk_environment, started
from tests.pipelines.conftest import Bench, Cli, corpus
from tests.pipelines.verbs.test_sync import own_configuration, without_cache

__all__ = ["at_once", "own_configuration", "sdk_environment", "started"]


def fingerprints(findings: list[dict[str, str]]) -> str:
    """Allow the real patches' findings, which are examples in manuals and keys of tests."""
    return " ".join(f["fingerprint"] for f in findings if "fingerprint" in f)


@pytest.mark.slow
@pytest.mark.parametrize("log", ["medium.md", "large.md"])
def test_a_log_survives_the_loss_of_its_machine(
    bench: Bench,
    cli: Cli,
    started: Started,
    sdk_environment: None,
    monkeypatch: pytest.MonkeyPatch,
    log: str,
    tmp_path: Path,
) -> None:
    data = corpus(log)
    bench.log.write_bytes(data)
    bench.migrate()
    bench.log.unlink()
    cli("archive", bench.root, "--before", "9999-01", "--profile", "fast")
    server = started("seaweedfs")
    url, there = server.url(), ("--endpoint-url", server.endpoint)
    refused = cli("sync", bench.root, "--remote", url, *there, "--json")
    if refused.code == 3:
        assert refused.json["sent"] == []
        monkeypatch.setenv("SESSION_CODEC_ALLOW", fingerprints(refused.json["findings"]))
    first = cli("sync", bench.root, "--remote", url, *there, "--json")
    assert first.code == 0
    second = cli("sync", bench.root, "--remote", url, *there, "--json")
    assert (second.code, second.json["requests"]) == (0, {"LIST": 1})
    before = without_cache(bench.root)
    shutil.rmtree(bench.root)
    back = tmp_path / "another-machine"
    assert cli("restore", back, "--remote", url, *there).code == 0
    assert without_cache(back) == before
    verified = cli("verify", back, "--require", "local", "--json")
    assert verified.code in (0, 3)  # what the log itself declares wrong is a finding
    assert (verified.json["diffs"]["absent"], verified.json["diffs"]["damaged"]) == (0, 0)
    assert verified.json["layouts"] == {"intact": 1, "absent": 0, "damaged": 0}
    assert cli("restore-v1", back, "-o", back / V1_LOG).code == 0
    assert (back / V1_LOG).read_bytes() == data
