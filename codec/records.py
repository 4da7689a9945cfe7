"""The records that flow through session-codec.

A `Session` is the whole record of one session, as the manifest keeps it. The delta, the metrics row
and the reference entry are views of it. Constructors trust their arguments; the `decode_*`
functions of the formats validate.
"""

# Annotations are evaluated: a NamedTuple compiles each one that is a text, at every start.
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, Self, get_args

from codec.kinds import Key, Sha256, sha256_of

Status = Literal["PASS", "FAIL", "PARTIAL", "UNKNOWN"]
STATUSES: Final[frozenset[str]] = frozenset(get_args(Status))

#: Numbers in the v2 files have at most 15 digits, so that every reader can hold them.
NUMBER_LIMIT: Final = 10**15
#: Version of the reader of v1 logs; raise it when the reader returns different facts for an entry.
READER: Final = 2
#: Version of the transcript readers; raise it when they return different facts for a session.
TRANSCRIPT_READER: Final = 1


class Metrics(NamedTuple):
    """The figures of a session. None is unknown, 0 is a known zero.

    Attributes:
        lines_added, lines_removed: lines of the patch.
        commits: commits made.
        duration_min: minutes of work.
        tokens_used: tokens the agent spent.
        deployment: the name of a deployment, one word.
    """

    lines_added: int | None = None
    lines_removed: int | None = None
    commits: int | None = None
    duration_min: int | None = None
    tokens_used: int | None = None
    deployment: str | None = None


#: All figures are unknown.
NO_METRICS: Final = Metrics()


class PatchRef(NamedTuple):
    """A reference to a patch: the SHA-256 and the size in bytes of its content."""

    sha256: Sha256
    size: int

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Return the reference to the patch with the given bytes."""
        return cls(sha256_of(data), len(data))


class V1Entry(NamedTuple):
    """The origin of a migrated session in a v1 log.

    Attributes:
        source: path of the log, relative to the workspace, with `/`.
        sha256: hash of the entry, which identifies it in later runs (`v1.entry.entry_hash`).
        tokens: tokens of the whole entry by tokenizer name.
        counted: metrics that were counted from the patch because the log does not declare them.
    """

    source: str
    sha256: Sha256
    tokens: Mapping[str, int] = MappingProxyType({})
    counted: tuple[str, ...] = ()


class FromTranscript(NamedTuple):
    """What a transcript states about a session, except the session's figures.

    Attributes:
        agent: the agent, as `import --agent` takes it.
        session: the agent's name for the session.
        until: time of the last line that was read, in v2 form.
        reader: version of the reader of transcripts.
        wall_min: minutes from the first line to the last, pauses included.
        tokens: tokens by class: `input`, `output`, `cache_write`, `cache_read`.
        files: the number of files of the repository that it edited.
        unknown: the number of these files with unknown states.
        commits: hashes of the commits that it made, whole or abbreviated.
    """

    agent: str
    session: str
    until: str
    reader: int = 0
    wall_min: int | None = None
    tokens: Mapping[str, int] = MappingProxyType({})
    files: int = 0
    unknown: int = 0
    commits: tuple[str, ...] = ()


class Session(NamedTuple):
    """One session of an agent or a person.

    Attributes:
        key: names the session in this workspace; see `session_key`.
        time: when it began, in v2 form (`timestamps`).
        agent, task: names as `name_of` makes them.
        status: one of four words; `remark` is the rest of the status text.
        title: the task in a sentence, as the log states it.
        notes: one line.
        metrics: the figures.
        patch: the diff; None for a session without one.
        id: an identifier chosen by the recorder; a workspace records an id once.
        range: two commits or trees, `BASE..HEAD`, from which git can recompute the patch.
        commits_of: the commits or ranges of a session whose commits are not one range; its patch is
            their patches in this order.
        v1: its origin in a v1 log; None for a session that was not migrated.
        reader: version of the v1 reader that made the fact; 0 for version 0.1.0 and for sessions
            that were not read from a log.
        private: the texts of the session were removed on purpose.
        transcript: what `import` read from its transcript; None if `import` did not read one.
        extra: fields of the manifest line that this version does not know, kept as they are.
    """

    key: Key
    time: str
    agent: str
    task: str
    status: Status
    remark: str = ""
    title: str = ""
    notes: str = ""
    metrics: Metrics = NO_METRICS
    patch: PatchRef | None = None
    id: str = ""
    range: str = ""
    commits_of: tuple[str, ...] = ()
    v1: V1Entry | None = None
    reader: int = 0
    private: bool = False
    transcript: FromTranscript | None = None
    extra: Mapping[str, Any] = MappingProxyType({})
