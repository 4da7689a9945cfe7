"""The facts of a manifest: sessions, and the facts beside them.

A fact is whole by itself and never changes; what became of it is another fact. `manifest` encodes
and decodes their lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from codec.kinds import Key, Sha256
from codec.records import Session

#: Version of the manifest's format that this program writes, and the newest one that it may change.
FORMAT: Final = 1
#: The first version of session-codec that knows it.
NEEDS: Final = "0.2.0"
#: Who revised a session. Where revisions conflict, the earlier one of these goes first.
Author = Literal["person", "hook", "log"]


class Format(NamedTuple):
    """A program that knows only older formats must not write to this workspace.

    Attributes:
        version: of the format.
        needs: the first version of session-codec that knows it.
    """

    version: int = FORMAT
    needs: str = NEEDS


class Follows(NamedTuple):
    """Two entries of a v1 log in the order in which they happened, where times do not give it.

    Attributes:
        entry: entry hash of the later one.
        after: entry hash of its predecessor.
        assumed: the log did not show yet whether its newest entry is the first or the last.
    """

    entry: str
    after: str
    assumed: bool = False


class Revision(NamedTuple):
    """A session was changed.

    Attributes:
        of: identity of the session (`manifest.jsonl.identity_of`).
        after: digests of the revisions that it replaces, sorted; empty if it is a first one.
        by: who changed it.
        changes: fields of the session as they are now, as JSON has them, where they differ from
            the session fact; None for a field that it no longer has.
    """

    of: str
    after: tuple[str, ...]
    by: Author
    changes: Mapping[str, Any]


class V1Version(NamedTuple):
    """One version of one v1 log, as it was seen.

    Attributes:
        source: path of the log, relative to the workspace, with `/`.
        sha256, size: of the whole file.
        words: what `wc -w` counts in it.
        tokens: tokens of the whole file by tokenizer name.
        seen: when it was first seen, UTC with microseconds; the last seen is the newest.
        dialect, pattern: how its sessions are marked, where a user said so; else empty.
        reader: version of the v1 reader that made the fact; 0 for version 0.1.0.
    """

    source: str
    sha256: Sha256
    size: int
    words: int
    tokens: Mapping[str, int]
    seen: str
    dialect: str = ""
    pattern: str = ""
    reader: int = 0


class V1Retired(NamedTuple):
    """A v1 log was swapped for a stub; `sha256` is the version that `restore-v1` restores."""

    source: str
    sha256: Sha256
    time: str


class Archive(NamedTuple):
    """Diffs were packed into an archive.

    Attributes:
        name: of the file: the month, `-`, and the first 12 hex digits of `sha256`.
        sha256, size: of the file.
        keys: of the sessions whose diffs it holds, sorted; their hashes are in the sessions.
        zstd: version of the library that compressed it: for one version the bytes are the same.
    """

    name: str
    sha256: Sha256
    size: int
    keys: tuple[Key, ...]
    zstd: str

    @property
    def month(self) -> str:
        """The month of its sessions, `2025-11`."""
        return self.name[:7]


class Purged(NamedTuple):
    """A diff was erased on purpose.

    It is named by what it was: a merge can give its session another key, and another its key.

    Attributes:
        key: of its session then.
        sha256: of the diff.
        time: when, UTC with microseconds.
    """

    key: Key
    sha256: Sha256
    time: str


class Disowned(NamedTuple):
    """Tombstones that were recorded elsewhere and do not count in this workspace.

    Attributes:
        tombstones: digests of the facts `purged` (`manifest.jsonl.fact_digest`), sorted.
        time: when, UTC with microseconds.
    """

    tombstones: tuple[str, ...]
    time: str


class PurgedText(NamedTuple):
    """Facts whose text was erased on purpose; every reader drops their lines.

    Attributes:
        lines: digests of the facts (`manifest.jsonl.fact_digest`), sorted.
        time: when, UTC with microseconds.
    """

    lines: tuple[str, ...]
    time: str


class Kept(NamedTuple):
    """Rows that were in a v2 file before the first migration: they belong to the user.

    Attributes:
        file: name of the file.
        rows: digests of the rows (`merge.tracked_formats.row_digest`), sorted.
    """

    file: str
    rows: tuple[str, ...]


class ReferencesBuilt(NamedTuple):
    """A build of the references: its values from the repository, from which a user's edits differ.

    Attributes:
        after: the builds that it took into account, by `fact_id`; the last builds are those that
            no other one names.
        values: by name (`references.values.by_name`), what was stated and not left out.
        sources: by name, the files that stated it.
        declined: names of values that the repository states, or did, and that a user removed.
    """

    after: tuple[str, ...]
    values: Mapping[str, tuple[str, ...]]
    sources: Mapping[str, tuple[str, ...]]
    declined: frozenset[str] = frozenset()


class UnknownFact(NamedTuple):
    """A fact of a kind that this version does not know, kept as it is."""

    line: str


Fact = (
    Session
    | Revision
    | Format
    | V1Version
    | V1Retired
    | Follows
    | Archive
    | Purged
    | Disowned
    | PurgedText
    | Kept
    | ReferencesBuilt
    | UnknownFact
)


def archive_name(month: str, sha256: Sha256) -> str:
    """Return an archive's name, which depends on its content: two clones never conflict over it."""
    return f"{month}-{sha256[:12]}.tar.zst"
