"""Turn the facts of a transcript into a session: its diff, its figures, its texts.

1. A session's diff leads from the states before its first edits to the states after its last ones.
   If its commits contain all of its edits, which git's hashes prove, the diff is that of the
   commits: it includes changes by commands, and any clone can recompute it.
2. A recorded session is completed: its texts, its status, a greater figure and a diff of commits
   stay, and so do all changes by the user.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from codec.agents.edit_events import State
from codec.agents.file_states import FileStates
from codec.agents.transcript_events import minutes
from codec.manifest.identity import History
from codec.manifest.session_fields import changes_between, revised
from codec.names import UNNAMED
from codec.records import NUMBER_LIMIT, TRANSCRIPT_READER, FromTranscript, Session
from pipelines.importing.agents import Source
from pipelines.importing.compiling import Compiled
from pipelines.importing.objects import Objects
from pipelines.importing.parts import by_person
from pipelines.importing.patches import Pair, PatchMaker
from pipelines.importing.status import inferred
from pipelines.recording.session import Recording
from pipelines.workspace.location import moment

_SECOND: Final = 1000


class Draft(NamedTuple):
    """A part of a session that will become a session.

    Attributes:
        source, compiled: its origin, and its facts.
        commits: the commits that it made.
        range: its commits as one range, if they hold all of its edits.
        patch: the number of its patch in the maker; None without known edits.
        files: the number of files of the repository that it edited.
        unknown: the number of these files with unknown states.
        outside: the number of files outside of the repository that it edited.
        proved: the number of files with a state that is in git.
        edits: the number of edits: all, with a known state before, with both states known.
    """

    source: Source
    compiled: Compiled
    commits: tuple[str, ...] = ()
    range: str = ""
    patch: int | None = None
    files: tuple[str, ...] = ()
    unknown: int = 0
    outside: int = 0
    proved: int = 0
    edits: tuple[int, int, int] = (0, 0, 0)


def stored_pairs(
    files: Mapping[str, FileStates], maker: PatchMaker, objects: Objects | None
) -> dict[str, Pair]:
    """Store the known states of files; return the pairs, by path."""
    pairs: dict[str, Pair] = {}
    for path, states in files.items():
        if states.before is not None and states.after is not None:
            before, after = _as_in_git(states.before, states.after, objects)
            pairs[path] = maker.put(before), maker.put(after)
    return pairs


def _as_in_git(before: State, after: State, objects: Objects | None) -> tuple[State, State]:
    """Return states with the line ends that git stores; agents record only LF."""
    datas = [s.data for s in (before, after) if s.data]
    if objects is None or not datas or any(b"\r" in data for data in datas):
        return before, after
    if objects.has(map(objects.name_of, datas)):
        return before, after
    other = [data.replace(b"\n", b"\r\n") for data in datas]
    if not objects.has(map(objects.name_of, other)):
        return before, after
    return _with_crlf(before), _with_crlf(after)


def _with_crlf(state: State) -> State:
    return State(state.data.replace(b"\n", b"\r\n") if state.data is not None else None)


def range_of(objects: Objects, commits: Sequence[str], pairs: Mapping[str, Pair], none: str) -> str:
    """Return the range of consecutive commits that contain all of the edits; else empty.

    Args:
        objects: the objects of the repository.
        commits: the commits in order, whole or abbreviated.
        pairs: the states of the edited files, by path.
        none: the hash of the empty tree.
    """
    found = objects.resolve([f"{commit}^{{commit}}" for commit in commits])
    if not found or None in found:
        return ""
    parents = objects.resolve([f"{commit}^" for commit in found])
    merges = objects.resolve([f"{commit}^2" for commit in found])
    if any(merges) or parents[1:] != found[:-1]:
        return ""
    base, head = parents[0] or none, found[-1]
    wanted = [name or None for pair in pairs.values() for name in pair]
    names = [f"{tree}:{path}" for path in pairs for tree in (base, head)]
    return f"{base}..{head}" if objects.resolve(names) == wanted else ""


def recording_of(
    draft: Draft, program: str, patch: bytes | None, *, infer: bool, prompts: bool
) -> Recording:
    """Return the recording for a part of a session."""
    stated = draft.compiled.figures
    has_work = not draft.source.prompts  # prompts do not show the agent's work
    has_times = has_work and draft.source.has_times
    status, remark = inferred(draft.compiled.commands) if infer else ("UNKNOWN", "")
    return Recording(
        agent=stated.model or program,
        task=stated.prompt if prompts else "",
        status=status,
        remark=remark,
        patch=patch,
        ranges=(draft.range,) if draft.range else (),
        commits=len(draft.commits) if has_work else None,
        duration_min=minutes(stated.work) if stated.work is not None and has_times else None,
        tokens_used=stated.tokens if (stated.tokens or 0) < NUMBER_LIMIT else None,
        id=draft.source.session_id,
        time=time_text(stated.first),
    )


def transcript_of_draft(draft: Draft) -> FromTranscript:
    """Return the fact about the transcript."""
    stated = draft.compiled.figures
    usage = stated.usage._asdict() if stated.usage is not None else {}
    has_end = stated.last and draft.source.has_times and not draft.source.prompts
    return FromTranscript(
        agent=draft.source.agent,
        session=draft.source.session_id,
        until=time_text(stated.last),
        reader=TRANSCRIPT_READER,
        wall_min=minutes(stated.last - stated.first) if has_end else None,
        tokens={name: count for name, count in usage.items() if count},
        files=len(draft.files),
        unknown=draft.unknown,
        commits=draft.commits,
    )


def time_text(time: int) -> str:
    """Return milliseconds since 1970 as a time in v2 form."""
    return f"{moment(datetime.fromtimestamp(time // _SECOND, UTC))[:19]}Z"


def completed(history: History, new: Session) -> Session:
    """Return a recorded session, completed from its transcript.

    Args:
        history: the session as it is recorded.
        new: the session that the transcript describes.
    """
    session = history.session
    metrics = session.metrics
    figures: dict[str, Any] = {
        name: value
        for name in ("duration_min", "tokens_used")
        if (value := getattr(new.metrics, name)) is not None
        and value > (getattr(metrics, name) or -1)
    }
    if metrics.commits is None:
        figures["commits"] = new.metrics.commits
    changes: dict[str, Any] = {"transcript": new.transcript}
    if not (session.range or session.commits_of) and _takes_patch(history, new):
        changes |= {"patch": new.patch, "range": new.range}
        figures |= {
            "lines_added": new.metrics.lines_added, "lines_removed": new.metrics.lines_removed,
        }  # fmt: skip
        if new.range or session.transcript is not None:
            figures["commits"] = new.metrics.commits
    if session.task == UNNAMED and not session.private:
        changes |= {"task": new.task, "title": new.title}
    if session.status == "UNKNOWN" and not session.remark and new.status != "UNKNOWN":
        changes |= {"status": new.status, "remark": new.remark}
    becomes = session._replace(**changes, metrics=metrics._replace(**figures))
    fixed = by_person(history)
    stated = {n: v for n, v in changes_between(session, becomes).items() if n not in fixed}
    return revised(session, stated)


def _takes_patch(history: History, new: Session) -> bool:
    """Return True if the diff of a transcript replaces the recorded one."""
    return new.patch is not None and (
        history.session.patch is None or history.session.transcript is not None
    )
