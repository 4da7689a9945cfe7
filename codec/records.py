"""The records that flow through session-codec, and the names they go by.

A `Session` is the whole record of one session: what the manifest keeps, and what the delta, the
metrics row and the reference entry are views of. Constructors trust their arguments; the
`decode_*` functions of the formats validate.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, get_args

from codec.errors import EncodeError

Status = Literal["PASS", "FAIL", "PARTIAL", "UNKNOWN"]
STATUSES: Final[frozenset[str]] = frozenset(get_args(Status))

#: An agent or a task that the log does not name.
UNNAMED: Final = "-"
NAME_LIMIT: Final = 60
#: No number of the v2 files has more than 15 digits, so that every reader can hold it.
NUMBER_LIMIT: Final = 10**15
#: Version of the reader of v1 logs; it is raised when the reader gives other facts for an entry.
READER: Final = 1

_NOT_IN_NAMES = re.compile(r"[^\w.+-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_KEY = re.compile(
    r"(?P<time>\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}Z)?)(?:\.(?P<suffix>[0-9a-f]{6,64}))?",
    re.ASCII,
)
_OBJECT = r"(?:[0-9a-f]{40}|[0-9a-f]{64})"
_RANGE = re.compile(rf"{_OBJECT}\.\.{_OBJECT}")
_COMMITS = re.compile(rf"{_OBJECT}(?:\.\.{_OBJECT})?")


class Metrics(NamedTuple):
    """What a session did, in numbers; None is unknown, 0 is a known zero.

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


#: Nothing is known.
NO_METRICS: Final = Metrics()


class PatchRef(NamedTuple):
    """A patch by what it holds: SHA-256 (64 hex digits) and size in bytes of its exact bytes."""

    sha256: str
    size: int


class V1Entry(NamedTuple):
    """Where a migrated session stood in v1.

    Attributes:
        source: path of the log, relative to the workspace, with `/`.
        sha256: hash of the entry, by which it is recognised again (`v1_entry.entry_hash`).
        tokens: tokens of the whole entry by tokenizer name.
        counted: metrics that the log does not declare and that were counted from the patch.
    """

    source: str
    sha256: str
    tokens: Mapping[str, int] = MappingProxyType({})
    counted: tuple[str, ...] = ()


class Session(NamedTuple):
    """One session of an agent or a person.

    Attributes:
        key: names the session in this workspace; see `session_key`.
        time: when it began, in v2 form (`timestamps`).
        agent, task: names as `name_of` makes them.
        status: one of four words; `remark` is what the log says beyond it.
        title: the task in a sentence, as the log has it.
        notes: one line.
        metrics: the figures.
        patch: the diff, None where there is none.
        id: what whoever recorded it calls it; a workspace records an id once.
        range: two commits or trees, `BASE..HEAD`, from which git makes the patch again.
        commits_of: where its commits are not one range, these, each a commit or a range; the patch
            is their patches in this order.
        v1: where it stood in a v1 log, None for a session recorded since.
        reader: version of the v1 reader that made the fact; 0 for version 0.1.0 and for sessions
            that were not read from a log.
        private: its texts were removed on purpose.
        extra: fields of the manifest line that this version does not know, kept as they are.
    """

    key: str
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
    extra: Mapping[str, Any] = MappingProxyType({})


def name_of(text: str) -> str:
    """An agent's name or a task's slug: letters, digits, `.`, `_`, `+`, `-`, at most 60 of them.

    A run of anything else becomes one `-`; the text is NFC; a name that is too long is cut
    at a `-`. What has no letter or digit at all is `UNNAMED`.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    name = _NOT_IN_NAMES.sub("-", text).strip("-")
    if len(name) > NAME_LIMIT:
        cut = name.rfind("-", 1, NAME_LIMIT + 1)
        name = name[: cut if cut > 0 else NAME_LIMIT].rstrip("-")
    return name if name.strip("._+-") else UNNAMED


def one_line(text: str) -> str:
    """`text` as one line: control characters and runs of white space become one space."""
    if not text.isprintable():
        text = _CONTROL.sub(" ", text)
    elif "  " not in text and text == text.strip():
        return text
    return " ".join(text.split())


def session_key(time: str, digest: str, taken: Container[str]) -> str:
    """The key of a session that is new to a workspace.

    The time, if no other session has it; else the time, `.` and the first six hex digits of
    `digest` (more, should even that be taken). It depends on the content, not on the order of
    arrival, so that two clones agree.

    Args:
        time: the session's time in v2 form.
        digest: SHA-256 of the session's content, 64 hex digits.
        taken: the keys of the workspace.
    """
    if time not in taken:
        return time
    for length in (6, 12, 64):
        key = f"{time}.{digest[:length]}"
        if key not in taken:
            return key
    raise EncodeError(f"the workspace already has a session {time}.{digest}", field="key")


def is_key(text: str) -> bool:
    """Whether `text` has the form of a key, and so is safe as a file name."""
    return _KEY.fullmatch(text) is not None


def is_range(text: str) -> bool:
    """Whether `text` names two objects of git by their whole hashes, and nothing else."""
    return _RANGE.fullmatch(text) is not None


def is_commits(text: str) -> bool:
    """Return whether `text` is the whole hash of one git object, or a range of two."""
    return _COMMITS.fullmatch(text) is not None


def key_time(key: str) -> str:
    """The time that a key begins with."""
    return key.partition(".")[0]


def check_name(value: str, field_name: str) -> str:
    """`value`, if it can be an agent or a task in all v2 files.

    Raises:
        EncodeError: it cannot stand in a field, or holds `:` or `]`, which end it in a reference.
    """
    if ":" in check_field(value, field_name) or "]" in value:
        raise EncodeError(f"cannot stand in a reference: {value!r}", field=field_name)
    return value


def name_faults(
    key: str, agent: str, task: str, status: str, *, key_field: str = "key"
) -> list[str]:
    """What is wrong with the fields that name a session in a line that was read."""
    faults = [] if is_key(key) else [f"{key_field}: not a key: {key!r}"]
    for name, value in (("agent", agent), ("task", task)):
        try:
            check_field(value, name)
        except EncodeError as e:
            faults.append(str(e))
    if status not in STATUSES:
        faults.append(f"status: {status!r} is none of {', '.join(sorted(STATUSES))}")
    return faults


def check_field(value: str, field_name: str) -> str:
    """`value`, if it can stand in a field of the v2 files.

    Raises:
        EncodeError: it is empty, has spaces around it, or holds `|` or a control character
            (a tab or a line end among them), which the files use to separate fields.
    """
    if value and value.isprintable() and "|" not in value and value == value.strip():
        return value
    if not value or value != value.strip() or "|" in value or _CONTROL.search(value):
        raise EncodeError(f"cannot stand in a field: {value!r}", field=field_name)
    return value
