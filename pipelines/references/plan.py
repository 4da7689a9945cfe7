"""Plan a refresh of the references from the statements of the repository and the user's edits.

1. It only reads. The user's values and comments stay (`references.merge`, `references.edit`).
2. If a change would lose a user's value or comment, it is a finding, and nothing is written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from codec.errors import EncodeError, FormatError
from codec.manifest.facts import ReferencesBuilt
from codec.references.budget import fit
from codec.references.document import (
    References,
    compact_references,
    decode_references,
    encode_references,
)
from codec.references.edit import edit_references
from codec.references.merge import Change, Refresh, Standing, refresh
from codec.references.sources.log_rules import LogRules
from codec.references.sources.statement import Origin
from codec.references.values import MANDATE, by_name, from_names
from pipelines.outcomes.errors import Conflict
from pipelines.outcomes.findings import Finding, Level
from pipelines.references.sources import read_stated, source_files
from pipelines.workspace.location import REFERENCES, Workspace
from pipelines.workspace.manifest_view import Manifest
from pipelines.workspace.reading import read_manifest
from pipelines.workspace.thresholds import REFERENCES_BUDGET

#: The most bytes of a references file that are read.
SIZE_LIMIT: Final = 1 << 20
#: The most user's values that are named if the budget has no room for them.
LONGEST: Final = 3
#: The words for each kind of change.
SIGNS: Final = {
    Standing.ADDED: "+",
    Standing.CHANGED: "~",
    Standing.REMOVED: "-",
    Standing.DROPPED: "-",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """The request to refresh the references.

    Attributes:
        workspace: the workspace of the references.
        tokenizer: the name of the tokenizer.
        count: returns the number of tokens of a text.
        budget: the most tokens.
    """

    workspace: Workspace
    tokenizer: str
    count: Callable[[str], int]
    budget: int = REFERENCES_BUDGET


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The plan of a refresh.

    Attributes:
        workspace: the workspace of the references.
        before: the file; None if it does not exist.
        after: the file as it would be; equal to `before` if it cannot be written.
        refresh: the outcome for each value.
        origins: the origins of each stated value, by name.
        fact: the build of the references; None if the manifest has it already.
        tokens: the tokens of `after` in the output of `context`.
        torn: the last line of the manifest is incomplete.
        findings: the findings.
    """

    workspace: Workspace
    before: bytes | None
    after: bytes | None
    refresh: Refresh
    origins: Mapping[str, tuple[Origin, ...]]
    fact: ReferencesBuilt | None
    tokens: int
    torn: bool = False
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_stale(self) -> bool:
        """Return True if a refresh would change the file."""
        return self.before != self.after


def plan(request: Request) -> Plan:
    """Return the plan of a refresh, without changing anything."""
    from pipelines.v1.rules import read_rules  # slow to import

    manifest = read_manifest(request.workspace)
    return plan_with(request, manifest, read_rules(request.workspace, manifest))


# Long: the outcomes of one comparison, each of one statement.
def plan_with(request: Request, manifest: Manifest, rules: LogRules) -> Plan:
    """Return the plan of a refresh from a manifest and log rules that were read already."""
    workspace = request.workspace
    builds = manifest.last_builds()
    before = _read_file(workspace)
    stated = read_stated(workspace.root, workspace.repository, rules.texts, rules.lines)
    sources_before = {name for b in builds for names in b.sources.values() for name in names}
    by_hand = before is not None and (not sources_before or _began_by_hand(manifest.builds))

    def level(file: str | None) -> Level:
        """Return "note" if the references are hand-written and the file was not a source before."""
        return "note" if by_hand and file not in sources_before else "finding"

    findings = [_unreadable(problem, level(problem.file)) for problem in stated.problems]
    findings += [_unread(name) for name in rules.unread]
    findings += [_refused(name, problem) for name, problem in rules.refused.items()]
    unread = {*rules.unread, *rules.refused, *(p.file or "" for p in stated.problems)}
    mine = None if before is None else by_name(_decoded(before))
    values, sources = by_name(stated.references), source_files(stated)

    def without(dropped: Collection[str]) -> Refresh:
        return refresh(builds, mine, values, sources, unread=unread, dropped=dropped)

    def tokens(dropped: Collection[str]) -> int:
        return request.count(compact_references(_written(before, without(dropped))))

    try:
        fitted = fit(without(()).droppable(builds), tokens, request.budget)
        merged = without(fitted.dropped)
        after: bytes | None = _written(before, merged)
        cost = fitted.tokens
    except EncodeError as e:
        findings.append(_not_editable(e))
        after, merged, fitted = before, without(()), None
        cost = request.count(compact_references(before or b""))
    if fitted and fitted.dropped:
        findings.append(_left_out(merged, request))
    if cost > request.budget:
        findings.append(_over_budget(merged, cost, request))
    if before is not None and not builds:
        findings += _adopted(merged)
    recorded = fitted is None or _is_recorded(builds, merged.built)
    return Plan(
        workspace=workspace,
        before=before,
        after=after,
        refresh=merged,
        origins=stated.origins,
        fact=None if recorded else merged.built,
        tokens=cost,
        torn=manifest.torn,
        findings=findings,
    )


def _read_file(workspace: Workspace) -> bytes | None:
    path = workspace.path(REFERENCES)
    if os.path.islink(path):
        raise Conflict(
            f"{REFERENCES} is a symbolic link; nothing is read or written through it",
            hint="Replace the link with the file itself",
        )
    try:
        with open(path, "rb") as f:
            data = f.read(SIZE_LIMIT + 1)
    except FileNotFoundError:
        return None
    if len(data) > SIZE_LIMIT:
        raise FormatError(f"larger than {SIZE_LIMIT // 1024} KiB; not read", file=REFERENCES)
    return data


def _decoded(data: bytes) -> References:
    try:
        return decode_references(data)
    except FormatError as e:
        raise e.at(file=REFERENCES) from None


def _written(before: bytes | None, merged: Refresh) -> bytes:
    """Return the file with the values of a refresh."""
    if before is None:
        return encode_references(from_names(merged.values(), {}))
    return edit_references(before, merged.values())


def _is_recorded(builds: list[ReferencesBuilt], built: ReferencesBuilt) -> bool:
    """Return True if the last build has the same values."""
    return len(builds) == 1 and builds[0]._replace(after=built.after) == built


def _unreadable(problem: FormatError, level: Level) -> Finding:
    return Finding(
        code="unreadable",
        message=f"{problem.problem}; its earlier values stay",
        level=level,
        file=problem.file,
        line=problem.line,
        hint=problem.hint,
    )


def _unread(name: str) -> Finding:
    return Finding(
        code="log-absent",
        message="cannot be read on this machine; its earlier rules stay",
        level="note",
        file=name,
    )


def _refused(name: str, problem: str) -> Finding:
    return Finding(code="unreadable", message=f"its rules cannot be read: {problem}", file=name)


def _not_editable(error: EncodeError) -> Finding:
    return Finding(
        code="not-editable",
        message=f"{error.problem}; nothing is written",
        file=REFERENCES,
        line=error.line,
        hint=error.hint,
    )


def _left_out(merged: Refresh, request: Request) -> Finding:
    names = [
        f"{shown_name(name, change)}: {', '.join(change.stated or ())}"
        for name, change in merged.changes.items()
        if change.standing is Standing.DROPPED
    ]
    return Finding(
        code="left-out",
        message=f"left out to stay within {request.budget} tokens: {'; '.join(names)}",
        level="note",
        file=REFERENCES,
        hint="Pass a larger --budget to include more",
    )


def _over_budget(merged: Refresh, tokens: int, request: Request) -> Finding:
    own = {n: c for n, c in merged.changes.items() if c.standing is Standing.YOURS}
    longest = sorted(own, key=lambda name: -len(", ".join(own[name].value or ())))[:LONGEST]
    named = ", ".join(shown_name(name, own[name]) for name in longest)
    return Finding(
        code="over-budget",
        message=f"costs {tokens} tokens by {request.tokenizer}, {tokens - request.budget} more than"
        f" the budget of {request.budget}, and your own values are never left out",
        file=REFERENCES,
        hint=f"Shorten it; the longest: {named}" if named else "Shorten it, or give a --budget",
    )


def _began_by_hand(builds: Iterable[ReferencesBuilt]) -> bool:
    """Return True if the first build found a file without some of the repository's statements."""
    return any(build.declined and not build.after for build in builds)


def _adopted(merged: Refresh) -> list[Finding]:
    """Return a note on the statements that a user's file leaves out."""
    declined = [
        shown_name(name, change)
        for name, change in merged.changes.items()
        if change.standing is Standing.DECLINED
    ]
    if not declined:
        return []
    return [
        Finding(
            code="no-build",
            message="was written by hand and stays as it is; the repository also states "
            + ", ".join(declined),
            level="note",
            file=REFERENCES,
            hint="Write it by hand; to have the file built, remove it and run "
            "'session-codec references'",
        )
    ]


def shown_name(name: str, change: Change) -> str:
    """Return the name under which the user knows a value; for a mandate, its text."""
    if not name.startswith(MANDATE):
        return name
    text = (change.value or change.stated or change.was or ("",))[0]
    return f"{MANDATE[:-1]} '{text}'"


def stale_finding(made: Plan) -> Finding:
    """Return a finding: the file differs from what a refresh would write."""
    return Finding(
        code="stale",
        message=f"differs from the repository's files: {summary(made)}",
        file=REFERENCES,
        hint="Run 'session-codec references' and commit the file",
    )


def summary(made: Plan) -> str:
    """Return the number of changed values by kind of change."""
    changes = list(made.refresh.changed().values())
    counts = {
        word: sum(SIGNS.get(change.standing) == sign for change in changes)
        for word, sign in (("new", "+"), ("changed", "~"), ("removed", "-"))
    }
    told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return told or ("it does not exist yet" if made.before is None else "nothing changes")
