"""Commands that 0.1.0 wrote into git's configuration, agents' settings and jobs still run.

They are spelled out here on purpose: nothing that the code knows now can change them.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipelines.conftest import Bench, git
from tests.support.clones import TIMES, Clone, assert_whole, clone_of, pull

TOP = Path(__file__).parents[3]
#: How git's configuration, crontabs and units call the program.
PROGRAM = f"{shlex.quote(sys.executable)} -P -m pipelines.cli.main"
DRIVER = f"{PROGRAM} merge-driver -- %O %A %B %P || git merge-file -q --union %A %O %B"
ATTRIBUTES = (".session-codec/manifest.jsonl", "SESSION_DELTAS.log", "PROJECT_METRICS.tsv")


def shell(command: str, cwd: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", command], cwd=cwd, input=stdin, capture_output=True, text=True, check=False
    )


def clone_with_driver(origin: Clone, name: str) -> Clone:
    clone = clone_of(origin, name, driver=False)
    git(clone.root, "config", "merge.session-codec.driver", DRIVER)
    lines = "".join(f"/{path} merge=session-codec\n" for path in ATTRIBUTES)
    lines += "/AGENT_PROGRESS_LOG_v2.md merge=session-codec\n"
    (clone.root / ".git" / "info" / "attributes").write_text(lines)
    clone.record(name, TIMES[:5])
    return clone


def test_the_merge_driver_merges_by_record(origin: Clone) -> None:
    ann, bob = clone_with_driver(origin, "ann"), clone_with_driver(origin, "bob")
    pull(ann, bob)
    assert_whole(ann, ["ann", "bob"], each=5)
    # git's union, which the command falls back to, would have kept the key of both.
    assert sum("." in key for key in ann.manifest.sessions) == 5


@pytest.mark.parametrize("agent", ["claude", "codex"])
def test_a_hook_records_the_session(
    origin: Clone, this_tree: None, tmp_path: Path, agent: str
) -> None:
    program = tmp_path / "bin" / "session-codec-hook"
    program.parent.mkdir()
    shutil.copy(TOP / "pipelines" / "cli" / "session-codec-hook", program)
    text = program.read_text().replace("#!python", f"#!{sys.executable}")  # as an installer does
    program.write_text(text)
    program.chmod(0o755)
    event = json.dumps({"session_id": "abc", "cwd": str(origin.root)})
    started = shell(f"{shlex.quote(str(program))} {agent} start", origin.root, event)
    assert (started.returncode, started.stderr) == (0, "")
    context = json.loads(started.stdout)["hookSpecificOutput"]["additionalContext"]
    assert "task 3" in context
    ended = shell(f"{shlex.quote(str(program))} {agent} end", origin.root, event)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert any(n.endswith(".end") for n in os.listdir(origin.root / ".session-codec" / "spool"))


def test_a_job_archives_verifies_and_copies(bench: Bench, this_tree: None, tmp_path: Path) -> None:
    bench.migrate()
    bench.commit()
    root, remote = shlex.quote(str(bench.root)), shlex.quote(str(tmp_path / "copy"))
    Path(tmp_path / "copy").mkdir()
    job = (
        f"{PROGRAM} archive {root}; found=$?; {PROGRAM} verify --full {root} || found=$?; "
        f"{PROGRAM} sync {root} --remote {remote} && exit $found"
    )
    ran = shell(job, tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert list((bench.root / ".diffs" / "archive").glob("*.tar.zst"))
    assert list((tmp_path / "copy" / "snapshot").iterdir())


def test_the_plugin_is_where_settings_name_it() -> None:
    plugin = TOP / "pipelines" / "plugin"
    assert (plugin / ".claude-plugin" / "plugin.json").is_file()
    hooks = json.loads((plugin / "hooks" / "hooks.json").read_text())["hooks"]
    commands = [hook["command"] for groups in hooks.values() for g in groups for hook in g["hooks"]]
    for event in ("start", "end"):
        assert any(f"session-codec-hook claude {event}" in command for command in commands)
