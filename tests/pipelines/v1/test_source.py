"""What cannot be a session log is refused by name, with the way out, and nothing is written."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pipelines.outcomes.errors import Conflict, NotFound
from pipelines.v1.source import open_source
from tests.pipelines.conftest import THREE, Bench, Cli, tree

NO_LOGS = {
    "readme": (b"# Project\n\nIt does things. Since 2024.\n", 10, "no dated session heading"),
    "empty": (b"", 10, "empty"),
    "blank": (b"\n\n \n", 10, "no dated session heading"),
    "binary": (bytes(range(256)) * 64, 10, "no dated session heading"),
    "nul": (b"\0" * 4096, 10, "no dated session heading"),
    "utf16": ("﻿### 2025-11-06 | a | b\n".encode("utf-16-le"), 10, "iconv"),
    "utf16be": ("﻿### 2025-11-06 | a | b\n".encode("utf-16-be"), 10, "iconv"),
    "template": (b"### [timestamp] | [model] | [task]\nStatus: PASS\n", 10, "no dated"),
}


@pytest.mark.parametrize("name", NO_LOGS)
def test_a_file_that_is_not_a_log_is_refused_and_nothing_is_written(
    plain: Bench, cli: Cli, name: str
) -> None:
    content, code, message = NO_LOGS[name]
    plain.log.write_bytes(content)
    before = tree(plain.root, times=True)
    said = cli("migrate", plain.root)
    assert said.code == code
    assert message in said.err
    assert "AGENT_PROGRESS_LOG.md" in said.err
    assert said.out == ""
    assert tree(plain.root, times=True) == before


@pytest.mark.parametrize(
    ("kind", "code"),
    [("folder", 10), ("fifo", 10), ("missing", 30), ("dangling", 30), ("loop", 32)],
)
def test_a_log_that_is_not_a_file_is_refused_and_nothing_is_written(
    plain: Bench, cli: Cli, kind: str, code: int
) -> None:
    path = plain.root / "other.md"
    match kind:
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "dangling":
            path.symlink_to("nowhere")
        case "loop":
            path.symlink_to("other.md")
    before = sorted(plain.root.iterdir())
    said = cli("migrate", plain.root, "--from", path)
    assert (said.code, said.out) == (code, "")
    assert "other.md" in said.err
    assert sorted(plain.root.iterdir()) == before


def test_a_log_that_may_not_be_read_is_denied() -> None:
    # root reads everything: the process gives its rights up before it begins
    code = (
        "import os, sys\n"
        "from pipelines.outcomes.errors import PipelineError, exit_code\n"
        "from pipelines.v1.source import open_source\n"
        "from pipelines.workspace.location import locate\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "try: open_source(locate(sys.argv[1]), sys.argv[2])\n"
        "except PipelineError as e: print(e); sys.exit(exit_code(e))\n"
    )
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        log = Path(folder, "AGENT_PROGRESS_LOG.md")
        log.write_bytes(THREE)
        log.chmod(0)
        Path(folder).chmod(0o755)
        found = subprocess.run(
            [sys.executable, "-c", code, folder, str(log)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.returncode == 31, found.stderr
        assert "AGENT_PROGRESS_LOG.md: permission denied" in found.stdout


def test_a_name_that_is_not_text_is_refused_before_anything_is_written(
    plain: Bench, cli: Cli
) -> None:
    path = Path(os.fsdecode(os.fsencode(plain.root) + b"/caf\xe9.md"))
    path.write_bytes(THREE)
    before = tree(plain.root)
    said = cli("migrate", plain.root, "--from", path)
    assert said.code == 11
    assert "UTF-8" in said.err
    assert tree(plain.root) == before


def test_a_log_is_named_relative_to_its_workspace(plain: Bench) -> None:
    path = plain.root / "docs" / "log.md"
    path.parent.mkdir()
    path.write_bytes(THREE)
    assert open_source(plain.workspace, str(path)).name == "docs/log.md"


@pytest.mark.parametrize("change", ["grown", "cut", "swapped", "gone"])
def test_a_change_of_the_log_is_noticed(plain: Bench, change: str) -> None:
    source = open_source(plain.workspace, str(plain.log))
    source.check_unchanged()
    match change:
        case "grown":
            plain.log.write_bytes(THREE + b"x")
        case "cut":
            plain.log.write_bytes(THREE[:-1])
        case "swapped":
            (plain.root / "new").write_bytes(THREE)
            (plain.root / "new").rename(plain.log)
        case "gone":
            plain.log.unlink()
    with pytest.raises(NotFound if change == "gone" else Conflict):
        source.check_unchanged()
