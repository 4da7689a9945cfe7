"""A project's own `pipelines` or `codec` is never imported instead of ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.workspace.merge_driver_setup import configure_merge
from tests.pipelines.conftest import Bench, git

CLI = Path(__file__).parents[3] / "pipelines" / "cli"


@pytest.fixture
def shadows(tmp_path: Path) -> Path:
    """Make a folder of modules named like ours and like those that Python programs import."""
    folder = tmp_path / "shadows"
    for name in ("pipelines", "codec", "venv", "pip", "click", "yaml", "zstandard"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("raise SystemExit('theirs was imported')\n")
    return folder


def program(name: str, folder: Path) -> list[str]:
    """One of the programs as an installer writes it."""
    path = folder / name
    path.write_text((CLI / name).read_text().replace("#!python", f"#!{sys.executable}", 1))
    path.chmod(0o755)
    return [str(path)]


@pytest.mark.parametrize("way", ["PYTHONPATH", "working directory", "both"])
@pytest.mark.parametrize("name", ["session-codec", "session-codec-hook", "main.py"])
def test_a_programs_modules_are_ours(
    bench: Bench, tmp_path: Path, shadows: Path, name: str, way: str
) -> None:
    bench.migrate()
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "PYTHONSAFEPATH"}}
    environment["CLAUDE_PROJECT_DIR"] = str(bench.root)
    if way != "working directory":
        environment["PYTHONPATH"] = f"{shadows}{os.pathsep}"
    run = [sys.executable, "-P", str(CLI / name)] if name == "main.py" else program(name, tmp_path)
    arguments = ["claude", "start"] if name == "session-codec-hook" else ["verify", str(bench.root)]
    ran = subprocess.run(
        [*run, *arguments], cwd=tmp_path if way == "PYTHONPATH" else shadows, env=environment,
        input=b'{"session_id": "s"}', capture_output=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, b"theirs" in ran.stderr + ran.stdout) == (0, False), ran.stderr


def test_the_merge_driver_is_ours(bench: Bench, shadows: Path) -> None:
    bench.migrate()
    configure_merge(bench.workspace)
    driver = git(bench.root, "config", "merge.session-codec.driver").strip()
    assert "main.py merge-driver" in driver
    paths = []
    for name in ("ancestor", "ours", "theirs"):
        paths.append(bench.root / name)
        paths[-1].write_bytes((bench.root / "SESSION_DELTAS.log").read_bytes())
    command = driver.partition(" || ")[0].replace("%P", "SESSION_DELTAS.log")
    for mark, path in zip(("%O", "%A", "%B"), paths, strict=True):
        command = command.replace(mark, str(path))
    ran = subprocess.run(
        ["sh", "-c", command], cwd=bench.root, env={**os.environ, "PYTHONPATH": str(shadows)},
        capture_output=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr


def test_a_hook_that_cannot_be_imported_exits_with_0(tmp_path: Path) -> None:
    (hook,) = program("session-codec-hook", tmp_path)
    ran = subprocess.run(
        [sys.executable, "-S", "-I", hook, "claude", "end"], capture_output=True, check=False
    )
    assert ran.returncode == 0
    assert ran.stderr.startswith(b"session-codec-hook: ModuleNotFoundError")
