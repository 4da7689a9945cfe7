"""Set git up to merge the tracked files record by record, in its settings and attributes.

1. `.gitattributes`, which all clones have, says `merge=union`: git's own driver, which hosting
   services and clones without session-codec have, too. Our driver is named in the repository's
   settings and in `info/attributes`, which overrides `.gitattributes`; neither comes with a clone.
2. The program is named by its absolute path and imports no module from the current folder, so
   nothing in a repository can replace it. If it is missing or fails, the union driver is used.
   3. Other lines stay, byte for byte. A second run changes nothing.
"""

from __future__ import annotations

import os
import shlex
import sys
from typing import Final

from pipelines.system.fs.files import read_bytes, replace_file
from pipelines.system.fs.lines import last_byte
from pipelines.workspace.git_queries import (
    get_config,
    prefix_of,
    remove_config,
    repository_of,
    set_config,
)
from pipelines.workspace.location import Workspace
from pipelines.workspace.tracked_files import MERGED, pattern

_DRIVER: Final = "session-codec"
_SECTION: Final = f"merge.{_DRIVER}"
_TITLE: Final = "session-codec merges by record, git's union without it"


def driver_command() -> str:
    """Return the command that git runs through a shell; git fills in `%O`, `%A`, `%B` and `%P`."""
    main = os.path.join(
        os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cli", "main.py"
    )
    python = shlex.join([sys.executable, "-P", main]).replace("%", "%%")
    program = f"{python} merge-driver -- %O %A %B %P"
    return f"{program} || git merge-file -q --union %A %O %B"


def merges_by_record(workspace: Workspace, *, as_now: bool = False) -> bool:
    """Return True if git merges the files of a workspace record by record.

    Args:
        workspace: the workspace of the files.
        as_now: accept only the command that `configure_merge` would write now.
    """
    if workspace.repository is None:
        return False
    command = get_config(workspace, f"{_SECTION}.driver")
    if command is None or (as_now and command != driver_command()):
        return False
    return not _missing(workspace, read_bytes(_attributes(workspace)))


def configure_merge(workspace: Workspace) -> bool:
    """Configure git to merge the files record by record; return True if this changed it.

    Outside of git it does nothing.

    Raises:
        Unavailable: git cannot run.
    """
    if workspace.repository is None:
        return False
    changed = False
    # The settings come first: git treats an attribute whose driver is missing as a conflict.
    for name, value in (("name", _TITLE), ("driver", driver_command())):
        if get_config(workspace, f"{_SECTION}.{name}") != value:
            set_config(workspace, f"{_SECTION}.{name}", value)
            changed = True
    path = _attributes(workspace)
    missing = _missing(workspace, read_bytes(path))
    if missing:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        torn = last_byte(path) not in (b"", b"\n")
        with open(path, "ab") as f:
            f.write(b"".join((b"\n" if torn else b"", *missing)))
    return changed or bool(missing)


def unconfigure_merge(workspace: Workspace) -> bool:
    """Undo `configure_merge`; return True if the configuration changed.

    The settings stay while another workspace of the repository uses them.
    """
    if workspace.repository is None:
        return False
    path = _attributes(workspace)
    before = read_bytes(path)
    mine = set(_lines(workspace))
    lines = before.splitlines(keepends=True)
    kept = [line for line in lines if line.rstrip(b"\r\n") + b"\n" not in mine]
    if kept != lines:
        replace_file(os.path.realpath(path), kept)
    used = any(line.split()[-1:] == [f"merge={_DRIVER}".encode()] for line in kept)
    configured = get_config(workspace, f"{_SECTION}.driver") is not None
    if configured and not used:
        remove_config(workspace, _SECTION)
    return kept != lines or (configured and not used)


def _attributes(workspace: Workspace) -> str:
    """Return the path of the repository's own attributes, which its worktrees share."""
    return os.path.join(repository_of(workspace).common, "info", "attributes")


def _lines(workspace: Workspace) -> list[bytes]:
    """Return the lines for a workspace's files; paths are relative to the top of the repository."""
    prefix = prefix_of(workspace)
    if prefix is None:
        return []
    return [os.fsencode(f"{pattern(prefix + name)} merge={_DRIVER}\n") for name in MERGED]


def _missing(workspace: Workspace, attributes: bytes) -> list[bytes]:
    present = {line.strip() for line in attributes.split(b"\n")}
    return [line for line in _lines(workspace) if line.strip() not in present]
