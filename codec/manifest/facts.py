"""The facts of a manifest: sessions, and the facts beside them.

A fact is complete by itself and never changes; a later change is another fact. `manifest` encodes
and decodes their lines.
"""

# Annotations are evaluated: a NamedTuple compiles each one that is a text, at every start.
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from codec.kinds import Key, Sha256
from codec.records import Session

#: The manifest format that this program writes, and the newest one that it may change.
FORMAT: Final = 1
#: The first version of session-codec that knows this format.
NEEDS: Final = "0.2.0"
#: Who revised a session. If revisions conflict, the one that is earlier in this list wins.
Author = Literal["person", "hook", "log"]


class Format(NamedTuple):
    """The format of a workspace; programs that know only older formats must not change it.

    Attributes:
        version: version of the format.
        needs: the first version of session-codec that supports it.
    """

    version: int = FORMAT
    needs: str = NEEDS


class Follows(NamedTuple):
    """The order of two entries of a v1 log, if their times do not give it.

    Attributes:
        entry: entry hash of the later one.
        after: entry hash of its predecessor.
        assumed: the log did not show yet whether it begins with its oldest or its newest entry.
    """

    entry: str
    after: str
    assumed: bool = False


class Revision(NamedTuple):
    """A change of a session.

    Attributes:
        of: identity of the session (`manifest.jsonl.identity_of`).
        after: digests of the revisions that it replaces, sorted; empty for a first revision.
        by: who changed it.
        changes: new values of the changed fields, as JSON values; None for a field that was
            removed.
    """

    of: str
    after: tuple[str, ...]
    by: Author
    changes: Mapping[str, Any]


class V1Version(NamedTuple):
    """One version of one v1 log.

    Attributes:
        source: path of the log, relative to the workspace, with `/`.
        sha256, size: hash and size of the whole file.
        words: the count of `wc -w`.
        tokens: tokens of the whole file by tokenizer name.
        seen: when it was first seen, UTC with microseconds; the version seen last is the newest.
        dialect, pattern: the form of its headings, if the user named it; else empty.
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
    """The replacement of a v1 log with a stub; `restore-v1` restores the version `sha256`."""

    source: str
    sha256: Sha256
    time: str


class Archive(NamedTuple):
    """An archive, and the sessions whose diffs it has.

    Attributes:
        name: name of the file: the month, `-`, and the first 12 hex digits of `sha256`.
        sha256, size: hash and size of the file.
        keys: keys of the sessions, sorted; the hashes of their diffs are in the sessions.
        zstd: version of the library that compressed it; one version always gives the same bytes.
    """

    name: str
    sha256: Sha256
    size: int
    keys: tuple[Key, ...]
    zstd: str

    @property
    def month(self) -> str:
        """Return the month of its sessions, `2025-11`."""
        return self.name[:7]


class Purged(NamedTuple):
    """The erasure of a diff on purpose.

    The hash identifies the diff: a merge can give its session another key.

    Attributes:
        key: the key of its session at that time.
        sha256: hash of the diff.
        time: when it was erased, UTC with microseconds.
    """

    key: Key
    sha256: Sha256
    time: str


class Disowned(NamedTuple):
    """Tombstones of other clones that this workspace ignores.

    Attributes:
        tombstones: digests of the facts `purged` (`manifest.jsonl.fact_digest`), sorted.
        time: when they were disowned, UTC with microseconds.
    """

    tombstones: tuple[str, ...]
    time: str


class PurgedText(NamedTuple):
    """Facts whose text was erased on purpose; every reader drops their lines.

    Attributes:
        lines: digests of the facts (`manifest.jsonl.fact_digest`), sorted.
        time: when it was erased, UTC with microseconds.
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
    """A build of the references: the values of the repository, before edits by the user.

    Attributes:
        after: the builds that it took into account, by `fact_id`; a build that no other build names
            is one of the newest.
        values: the values that were stated and kept, by name (`references.values.by_name`).
        sources: the files that stated them, by name.
        declined: names of values that the repository states, or stated, and that a user removed.
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
    """Return the name of an archive, chosen by its content: two clones never conflict over it."""
    return f"{month}-{sha256[:12]}.tar.zst"
