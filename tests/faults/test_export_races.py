"""Two exporters that write to one bucket at the same moment: no row is lost, none is there twice.

Both are processes. A proxy before the server holds the request that commits the next version of the
catalog until both have sent it, so every run of a test has the race.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections import Counter
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.conformance.conftest import Started, sdk_environment, started
from tests.faults.hostile import Proxy, Request
from tests.pipelines.conftest import Bench, Cli, command, day, entry, log_of
from tests.support.servers import Server

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")

__all__ = ["sdk_environment", "started"]

#: Seconds after which an exporter that did not come is given up.
_PATIENCE: Final = 120
_TABLES: Final = ("sessions", "edits", "usage", "repos")


class Exporter(NamedTuple):
    """A workspace and its name in the tables; two clones have one name."""

    root: Path
    name: str

    def command(self, to: str) -> list[str]:
        """Return the command that exports it."""
        return command("export", "--to", "parquet", to, self.root, "--repository", self.name)


@pytest.fixture
def exporters(plain: Bench, tmp_path: Path) -> dict[str, Exporter]:
    """Make three repositories, and a clone of `mine` with another session."""
    found = {}
    for folder, name, sessions in (
        ("base", "base", 1), ("mine", "mine", 2), ("other", "other", 3), ("newer", "mine", 3),
    ):  # fmt: skip
        root = tmp_path / folder
        shutil.copytree(plain.root, root)
        entries = (entry(day(n), task=f"{name}-{n}") for n in range(1, sessions + 1))
        (root / plain.log.name).write_bytes(log_of(*entries))
        Bench(root, plain.worker).migrate()
        found[folder] = Exporter(root, name)
    return found


@pytest.mark.parametrize(
    ("kind", "theirs", "outcomes"),
    [
        ("moto", "other", [{"base": 1, "mine": 2, "other": 3}]),
        pytest.param("moto", "mine", [{"base": 1, "mine": 2}], marks=pytest.mark.slow),
        pytest.param(
            "seaweedfs", "other", [{"base": 1, "mine": 2, "other": 3}], marks=pytest.mark.slow
        ),
        pytest.param(
            "seaweedfs", "newer", [{"base": 1, "mine": n} for n in (2, 3)], marks=pytest.mark.slow
        ),
    ],
)
def test_two_exporters_at_once_lose_no_row_and_double_none(
    exporters: dict[str, Exporter],
    cli: Cli,
    started: Started,
    sdk_environment: None,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    theirs: str,
    outcomes: list[dict[str, int]],
) -> None:
    server = started(kind)
    to = server.url()
    meeting = threading.Barrier(2)

    def meet(request: Request) -> str:
        if request.method == "PUT" and request.path.partition("?")[0].endswith("/00000002.json"):
            meeting.wait(_PATIENCE)
        return ""

    with Proxy(server.endpoint).running() as proxy:
        monkeypatch.setenv("SESSION_CODEC_ENDPOINT_URL", proxy.endpoint)
        subprocess.run(exporters["base"].command(to), check=True, capture_output=True)
        proxy.reset(meet)
        running = [subprocess.Popen(exporters[n].command(to), stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL)
                   for n in ("mine", theirs)]  # fmt: skip
        assert [process.wait(_PATIENCE) for process in running] == [0, 0]
        assert not meeting.broken
        sql = "SELECT repository, key FROM sessions"
        rows = cli("query", "--tables", to, "--sql", sql, "--json").json["rows"]
    found = Counter((row["repository"], row["key"]) for row in rows)
    assert set(found.values()) == {1}, "no row is there twice"
    assert Counter(repository for repository, _ in found) in outcomes
    listed = _listed(server, to)
    versions = {name for name in listed if name.startswith("_catalog/")}
    assert all(name.endswith(".json") for name in versions), "no plan is left"
    assert len(listed) - len(versions) == len(_TABLES), "the parts of lost attempts are deleted"


def _listed(server: Server, url: str) -> list[str]:
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    pages = server.client().list_objects_v2(Bucket=bucket, Prefix=prefix)
    return [item["Key"].removeprefix(f"{prefix}/") for item in pages["Contents"]]
