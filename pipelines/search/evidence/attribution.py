"""Count the tracked files with a known session, by the best grade of their evidence.

1. Files and links of HEAD are counted, without the files that only session-codec writes.
2. git returns all histories at once, without lines. Histories of files whose grade depends on lines
   are read again with lines, many at a time.
3. Only locally stored diffs are read, each once. Nothing is written, so the index of `find` is not
   used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from codec.errors import CodecError
from codec.patches.changes import changes_of
from pipelines.diffs.store import Store
from pipelines.outcomes.errors import NotFound, StorageError
from pipelines.recording.commit_graph import own_paths
from pipelines.search.evidence.file_history import (
    Step,
    all_histories,
    graph_with,
    histories_with_lines,
    names_of,
    tracked_files,
)
from pipelines.search.evidence.grades import GRADES, Grade, of_file
from pipelines.search.evidence.hunks import Candidate
from pipelines.search.evidence.recorded import Recorded, ends_of
from pipelines.workspace.git_queries import commit_of, repository_of
from pipelines.workspace.location import Workspace
from pipelines.workspace.manifest_view import Manifest

_Changes = Mapping[str, Sequence[Candidate]]


class Attribution(NamedTuple):
    """The number of tracked files, by the best evidence for the session that wrote them.

    Attributes:
        files: the number of files.
        grades: the number of files whose best evidence has a grade, by grade.
        missing: the number of sessions whose diff is missing locally, and so was not compared.
        problem: why no file could be counted; empty if they were.
    """

    files: int
    grades: Mapping[Grade, int]
    missing: int
    problem: str = ""

    @property
    def unknown(self) -> int:
        """Return the number of files without evidence for a session."""
        return self.files - sum(self.grades.values())


def attribution(workspace: Workspace, manifest: Manifest) -> Attribution:
    """Return the number of tracked files with a known session, without changing anything.

    Args:
        workspace: the workspace in the repository of the files.
        manifest: the manifest of the workspace.
    """
    changes, missing = _changes(workspace, manifest)
    try:
        best = _best_grades(workspace, manifest, changes)
    except StorageError as e:
        return Attribution(0, dict.fromkeys(GRADES, 0), missing, str(e))
    counts = Counter(best.values())
    return Attribution(len(best), {grade: counts[grade] for grade in GRADES}, missing)


def _best_grades(
    workspace: Workspace, manifest: Manifest, changes: _Changes
) -> dict[str, Grade | None]:
    """Return the best grade of each tracked file; None without evidence."""
    repository = repository_of(workspace)
    head = commit_of(repository, "HEAD")
    if head is None:
        raise NotFound(f"HEAD: no commit yet in {repository.top}")
    own = own_paths(workspace)
    within = tuple(f"{path}/" for path in own)
    tracked = tracked_files(repository, head)
    files = [f for f in tracked if f not in own and not f.startswith(within)]
    histories = all_histories(repository, head, files)
    sessions = list(manifest.sessions.values())
    recorded = Recorded(sessions, graph_with(repository, head, ends_of(sessions)), head)
    found: dict[str, Grade | None] = {}
    unclear: dict[str, Sequence[Step]] = {}
    for file, history in histories.items():
        candidates = _candidates(changes, file, history)
        found[file] = _best(candidates, history, recorded)
        is_sure = found[file] in ("blob", "commit")
        if not is_sure and any(c.session.key not in recorded.in_head for c in candidates):
            unclear[file] = history
    for batch in histories_with_lines(repository, head, unclear):
        for file, history in batch.items():
            found[file] = _best(_candidates(changes, file, history), history, recorded)
    return found


def _best(
    candidates: Sequence[Candidate], history: Sequence[Step], recorded: Recorded
) -> Grade | None:
    grades = {evidence.grade for evidence in of_file(candidates, history, recorded)}
    return next((grade for grade in GRADES if grade in grades), None)


def _candidates(changes: _Changes, file: str, history: Sequence[Step]) -> list[Candidate]:
    """Return the changes that sessions made to a file, under any of its names."""
    return [c for name in sorted(names_of(file, history)) for c in changes.get(name, ())]


def _changes(workspace: Workspace, manifest: Manifest) -> tuple[_Changes, int]:
    """Return the changes in sessions' diffs by file names, and the number of missing diffs."""
    store = Store(workspace, manifest=manifest)
    found: dict[str, list[Candidate]] = {}
    missing = 0
    for session in manifest.sessions.values():
        if session.patch is None:
            continue
        try:
            data = store.read(session.key, session.patch)
        except (StorageError, CodecError):
            missing += 1
            continue
        for change in changes_of(data):
            for name in {change.old, change.new}:
                found.setdefault(name, []).append(Candidate(session, change))
    return found, missing
