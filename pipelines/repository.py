"""What a repository states about itself, read from its own files."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pipelines.journal import Append
from pipelines.workspace import REFERENCES, Workspace

if TYPE_CHECKING:
    from codec.stated import Stated


def read_stated(workspace: Workspace, logs: Mapping[str, bytes]) -> Stated:
    """What the files of a workspace, and its v1 logs, state.

    Args:
        workspace: whose manifests, workflows and agent rules are read.
        logs: what of its v1 logs is no session, by name: that is where rules stand.
    """
    from codec.stated import SIZE_LIMIT, WANTED, stated_references

    files: dict[str, bytes] = {}
    for pattern in WANTED:
        for path in sorted(glob.glob(pattern, root_dir=workspace.root, include_hidden=True)):
            full = workspace.path(path)
            if os.path.isfile(full):
                with open(full, "rb") as f:
                    files[path.replace(os.sep, "/")] = f.read(SIZE_LIMIT)
    files.update(logs)
    return stated_references(files)


def references_append(workspace: Workspace, logs: Mapping[str, bytes]) -> Iterator[Append]:
    """The references, where the workspace has none yet."""
    if not os.path.exists(workspace.path(REFERENCES)):
        from codec.v2_references import encode_references

        stated = read_stated(workspace, logs)
        yield Append(path=REFERENCES, chunks=[encode_references(stated.references)])
