"""What a repository states about itself, read from its own files."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping

from codec.stated import SIZE_LIMIT, WANTED, Stated, stated_references
from codec.v2_references import encode_references


def read_stated(root: str, logs: Mapping[str, bytes]) -> Stated:
    """What the files of a workspace, and its v1 logs, state.

    Args:
        root: the folder whose manifests, workflows and agent rules are read.
        logs: what of its v1 logs is no session, by name: that is where rules stand.
    """
    files: dict[str, bytes] = {}
    for pattern in WANTED:
        for path in sorted(glob.glob(pattern, root_dir=root, include_hidden=True)):
            full = os.path.join(root, path)
            if os.path.isfile(full):
                with open(full, "rb") as f:
                    files[path.replace(os.sep, "/")] = f.read(SIZE_LIMIT)
    files.update(logs)
    return stated_references(files)


def stated_file(root: str, logs: Mapping[str, bytes]) -> bytes:
    """The references that a workspace states, as `PROJECT_REFERENCES.yaml` has them."""
    return encode_references(read_stated(root, logs).references)
