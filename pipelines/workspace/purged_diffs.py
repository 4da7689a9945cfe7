"""Find the tombstones of diffs in a manifest without decoding all of it.

`record` loads this module instead of `manifest_view`: only a manifest with a disowned tombstone has
to be read as a whole.
"""

from __future__ import annotations

import mmap
from contextlib import suppress
from typing import Final

from codec.errors import FormatError
from codec.manifest.facts import Purged
from codec.manifest.jsonl import decode_fact
from pipelines.system.fs.files import mapped
from pipelines.workspace.location import MANIFEST, Workspace

_PURGED: Final = b'"fact":"purged"'
_DISOWNED: Final = b'"fact":"disowned"'


def purged_times(workspace: Workspace) -> dict[str, str]:
    """Return the times at which diffs were purged, by SHA-256, from the manifest of a workspace."""
    with mapped(workspace.path(MANIFEST)) as data:
        return purged_in(data)


def purged_in(manifest: mmap.mmap | bytes) -> dict[str, str]:
    """Return the times at which diffs were purged, by SHA-256, from the bytes of a manifest."""
    purged: dict[str, str] = {}
    at = manifest.find(_PURGED)
    if at >= 0 and manifest.find(_DISOWNED) >= 0:
        from pipelines.workspace.manifest_view import decode_manifest

        return dict(decode_manifest(manifest[:]).purged)
    while at >= 0:
        start = manifest.rfind(b"\n", 0, at) + 1
        end = manifest.find(b"\n", at)
        line = manifest[start : end if end >= 0 else len(manifest)]
        with suppress(FormatError):
            fact = decode_fact(line.decode(errors="replace"))
            if isinstance(fact, Purged):
                purged[fact.sha256] = fact.time
        at = manifest.find(_PURGED, at + 1)
    return purged
