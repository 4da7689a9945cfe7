"""Files replaced whole, lines read whole, one lock a workspace."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.outcomes.errors import WorkspaceLocked
from pipelines.system.fs import files
from pipelines.system.fs.files import read_bytes, replace_file, sync_written, write_new
from pipelines.system.fs.lines import last_byte, read_lines, read_tail
from pipelines.system.fs.locks import locked, unchanging


def test_a_replaced_file_has_the_new_content_and_the_old_mode(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    path.chmod(0o640)
    replace_file(str(path), [b"n", b"ew"])
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_replace_that_fails_half_way_leaves_the_old_file_and_nothing_else(
    tmp_path: Path,
) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise RuntimeError

    path = tmp_path / "f"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError):
        replace_file(str(path), broken())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems wait for each file")
def test_many_new_files_wait_for_their_file_system_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[str] = []
    sync = files._sync_file_system

    def counted(folder: str) -> None:
        waited.append(folder)
        sync(folder)

    monkeypatch.setattr(files, "_sync_file_system", counted)
    (tmp_path / "deeper").mkdir()
    paths = [tmp_path / name / str(n) for n in range(20) for name in ("", "deeper")]
    for path in paths:
        path.write_bytes(b"new")
    sync_written([str(path) for path in paths])
    assert len(waited) == 1
    with pytest.raises(FileNotFoundError):
        sync_written([str(tmp_path / "gone" / str(n)) for n in range(40)])


def test_a_file_that_is_there_is_not_written_as_new(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        write_new(str(path), b"yours")
    assert path.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("content", "lines", "torn"),
    [
        (b"", [], False),
        (b"a\nb\n", ["a", "b"], False),
        (b"a\nb", ["a"], True),
        (b"half", [], True),
        (b"\n", [""], False),
        (b"a\x0bb\x85c\r\n", ["a\x0bb\ufffdc\r"], False),
    ],
)
def test_a_piece_of_a_line_is_not_a_line(
    tmp_path: Path, content: bytes, lines: list[str], torn: bool
) -> None:
    path = tmp_path / "f"
    path.write_bytes(content)
    read = read_lines(str(path))
    assert [text for _, text in read.lines] == lines
    assert read.torn is torn
    assert read.size == len(content)
    assert read_tail(str(path), 10) == lines


def test_a_file_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    path = str(tmp_path / "none")
    assert read_bytes(path) == b""
    assert read_lines(path).lines == []
    assert read_tail(path, 3) == []


@pytest.mark.parametrize("count", [1, 2, 29, 30, 31, 4000])
@pytest.mark.parametrize("width", [1, 700])
def test_the_tail_of_a_long_file_is_its_last_lines(tmp_path: Path, count: int, width: int) -> None:
    lines = [f"{n}-{'x' * width}" for n in range(3000)]
    path = tmp_path / "f"
    path.write_text("".join(f"{line}\n" for line in lines) + "torn")
    assert read_tail(str(path), count) == lines[-count:]


def test_two_processes_do_not_hold_one_lock_and_a_dead_one_holds_none(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    code = (
        "import sys\nfrom pipelines.system.fs.locks import locked\n"
        f"with locked({path!r}):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(WorkspaceLocked), locked(path, wait=0):
            pass
        holder.kill()
        holder.wait()
        with locked(path, wait=0):
            pass


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes in the file system")
def test_a_pipe_or_a_device_in_place_of_a_file_is_refused_and_does_not_block(
    tmp_path: Path,
) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (str(tmp_path / "pipe"), "/dev/zero"):
        for read in (read_bytes, read_lines, lambda name: read_tail(name, 3), last_byte):
            with pytest.raises(OSError, match="not a file"):
                read(path)


@pytest.mark.skipif(sys.platform == "win32", reason="no links without a right to make them")
def test_a_lock_is_not_made_where_a_link_leads(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    for hold in (locked, unchanging):
        with pytest.raises(OSError, match="symbolic links"), hold(str(tmp_path / "lock")):
            pass
    assert not (tmp_path / "elsewhere").exists()
