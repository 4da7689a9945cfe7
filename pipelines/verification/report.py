"""The request and the result of a verification: findings by check, and figures.

All outputs are written from this value (`cli/verdict_*`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from codec.errors import IntegrityError
from pipelines.outcomes.errors import FINDINGS, exit_code
from pipelines.outcomes.findings import Finding
from pipelines.report.token_savings import TokenReport
from pipelines.search.evidence.attribution import Attribution
from pipelines.workspace.location import DELTAS, MANIFEST, METRICS, PROGRESS, REFERENCES, Workspace

#: How to judge a missing diff: never a finding, always, or only if a remote lacks it as well.
Require = Literal["none", "local", "remote"]

#: The checks in the order of the report: name and title.
_CHECKS: Final = {
    "manifest": "The manifest holds facts, each once",
    "deltas": f"Each line of {DELTAS} is a session of the manifest",
    "metrics": f"Each row of {METRICS} is a session of the manifest",
    "progress": f"Each entry of {PROGRESS} is a session of the manifest",
    "diffs": "Each diff that is stored here is the one that was recorded",
    "archives": "Archives hold nothing that was erased",
    "logs": "Each version of a v1 log can be rebuilt from the files that are stored here",
    "files": "No file of an interrupted run remains; the lines for git and agents are complete",
    "references": f"{REFERENCES} agrees with the repository's files",
    "spool": "All events of hooks are recorded",
    "gate": "The window saves at least the threshold",
    "context-budget": "The context is within its budget",
    "references-budget": "The references are within their budget",
}
#: The meaning of every code of a finding, of all verbs.
RULES: Final = {
    "absent": "A diff that is required here is missing",
    "agent-block": "The block about the workspace for agents is damaged or lost",
    "agent-trust": "Codex runs no hook of the repository, because the user does not trust it",
    "ambiguous-date": "Dates of a v1 log are ambiguous; their sessions stay text",
    "assumed-zone": "A time of a v1 log has no zone, and one was assumed",
    "broken-fact": "A line of the manifest is not a fact",
    "broken-line": "A line or an entry cannot be read",
    "broken-references": "The references cannot be read",
    "broken-summary": "A summary of a period cannot be read",
    "byte-order-mark": "A file begins with a byte order mark",
    "claims-dropped": "More claims of a model were dropped than allowed",
    "commits-unknown": "The commits of a recorded session could not be determined",
    "conflict-mark": "A merge conflict was committed",
    "contradicted": "A figure that a v1 entry declares differs from its diff",
    "damaged": "A stored file differs from the recorded one",
    "dated-list": "A v1 log has more dated list items outside of its sessions than sessions",
    "differs": "Snapshots on the remote differ in a file that is not merged; the newest is used",
    "duplicate-repository": "Two repositories of a fleet are clones of one",
    "edited-block": "The marked block of session-codec was edited, and is left as it is",
    "edited-fact": "A line of the manifest contradicts its committed form",
    "edits-unknown": "The state of a file before an edit is neither in the transcript nor in git",
    "elsewhere": "A copy of a purged diff may be on another machine, or in an unknown place",
    "erased-text": "A fact whose text was erased on purpose is in the manifest again",
    "foreign-diff": "A file in .diffs has the name of a diff and other content",
    "foreign-snapshot": "Another machine uploaded a snapshot under this workspace's writer name",
    "fragment": "A fragment of a line that is complete elsewhere, left by a line-based merge",
    "gap": "A version of a v1 log has a gap: a diff of it was erased on purpose",
    "gate": "The window saves less than the threshold",
    "gate-uncounted": "The tokens of the v1 log were not counted with this tokenizer",
    "git-lines": "Lines that git needs are missing in .gitignore or .gitattributes",
    "history-unnamed": "Lines of a prompt history are not prompts, or lack the session or the time",
    "ignored": "git ignores a file that every clone needs",
    "in-git": "Commits in git's history hold a purged diff",
    "key-clash": "Two sessions have the same key",
    "left-alone": "A file of another program cannot be edited safely, and was not changed",
    "left-out": "Values were left out of the references to keep to the budget",
    "leftover": "A partial file of an interrupted run remains",
    "line-ends": "Lines end in CR LF",
    "log-absent": "A v1 log cannot be read on this machine",
    "lost-fact": "The manifest lacks a fact that was committed",
    "lost-manifest": "The files have sessions, but the manifest has none",
    "mcp-server": "The MCP server is missing in the settings of agents, or cannot start",
    "mendable": "A stored file is damaged, and can be repaired byte for byte",
    "merge-driver": "git merges the tracked files line by line",
    "misnamed-diff": "A diff has the name that its session had before a merge",
    "misplaced-session": "A dated heading of a v1 log has another level than its sessions",
    "missing": "A file to restore is not on the remote",
    "missing-deltas": "The file of the deltas is missing or empty; the manifest was read instead",
    "missing-header": "A file does not begin with its header",
    "missing-row": "A session of the manifest has no line in a file",
    "mostly-quoted": "More dated headings of a v1 log are inside fences than outside",
    "no-build": "The references were written by hand, and lack values that the repository states",
    "no-match": "No session matches a filter",
    "no-sessions": "A v1 log that was migrated has no session any more",
    "not-editable": "The references cannot be refreshed without losing a user's text",
    "not-embedded": "Older sessions are not yet searched by meaning",
    "not-inspected": "Encrypted objects cannot be searched for a purged diff without an identity",
    "not-told": "systemd was not notified of a new or removed job",
    "not-trusted": "Settings of the repository are not used: the operator has not trusted it",
    "out-of-order": "Rows are not in the order of their sessions",
    "over-budget": "The user's own references exceed the budget",
    "over-context-budget": "The context costs more than its budget",
    "over-references-budget": "The references cost more than their budget",
    "pending": "Sessions wait to be written to the tracked files",
    "pending-broken": "A line of the pending store cannot be read",
    "private-summary": "A summary has claims about a session whose texts were removed",
    "purged-again": "A new session has a diff that was purged; the diff is not stored",
    "purged-archive": "An archive here holds a diff that was erased",
    "purged-diff": "Bytes of a purged diff remain",
    "quarantined": "A session of a v1 log cannot be mapped and stays text",
    "quoted-session": "A dated heading in a fence was read as an example",
    "refused-log": "One of several logs was refused",
    "remote": "A remote was not searched for a purged diff",
    "repeated-entry": "A v1 log has the same entry twice; it is one session",
    "repeated-line": "A line is repeated",
    "repository-failed": "A verb failed in a repository of a fleet",
    "repository-findings": "A verb has findings in a repository of a fleet",
    "row-differs": "A line differs from the manifest's facts about its session",
    "run-together": "Several lines were joined into one",
    "same-commits": "There are no commits since the last recorded session; no diff is recorded",
    "second-row": "A session has a second line with different content",
    "secret": "A diff holds a possible secret",
    "secret-replaced": "A possible secret was replaced in a text",
    "secret-text": "A text of a tracked file holds a possible secret",
    "several-sessions": "An entry of a v1 log looks like several sessions; only the first is read",
    "shared-row": "Two sessions of one second share a line",
    "skipped-snapshot": "A snapshot on the remote cannot be used",
    "spare-diffs": "An entry of a v1 log has more than one diff; the others stay text",
    "spool-broken": "An event of a hook cannot be used",
    "spool-waits": "Events of hooks wait to be recorded",
    "stale": "The references differ from the repository's files",
    "stale-summary": "A summary has claims about sessions that are not in the manifest",
    "still-there": "A file holds the bytes of a purged diff as text",
    "text-remains": "Texts that were erased are still in a file or on a remote",
    "torn-line": "A file ends with an incomplete line",
    "transcript-cut": "The last line of a transcript is cut short and is left out",
    "transcript-damaged": "Lines of a transcript cannot be read as they are",
    "transcript-link": "A link in a folder of transcripts is not followed",
    "transcript-local-time": "The times of a transcript have no zone",
    "transcript-unknown": "A transcript has records of types that this version does not know",
    "transcript-unreadable": "A transcript, or a folder of transcripts, cannot be read",
    "transcripts-elsewhere": "Transcripts of deleted folders may belong to the repository",
    "transcripts-expire": "An agent will soon delete transcripts that are not imported yet",
    "unclosed-fence": "A fence of a v1 log is never closed",
    "undated-session": "A heading of a v1 log looks like a session without a date; it stays text",
    "unfinished": "A verb was interrupted",
    "unknown-fact": "A fact is of a kind that this version does not know",
    "unknown-row": "A line names a session that the manifest does not have",
    "unread-zone": "Times of a v1 log name a zone that cannot be read",
    "unreadable": "A file with statements for the references cannot be read",
    "unreadable-heading": "A heading of a v1 log has a date that cannot be read; it stays text",
    "unseen": "Part of a diff cannot be scanned for secrets",
    "words-only": "Sessions are searched by words, because the model for meaning is missing",
}
_BY_FILE: Final[Mapping[str, str]] = {
    MANIFEST: "manifest",
    DELTAS: "deltas",
    METRICS: "metrics",
    PROGRESS: "progress",
    REFERENCES: "references",
}
_BY_CODE: Final = {
    "agent-block": "files",
    "agent-trust": "files",
    "gap": "logs",
    "git-lines": "files",
    "ignored": "files",
    "leftover": "files",
    "misnamed-diff": "files",
    "unfinished": "files",
    "gate": "gate",
    "gate-uncounted": "gate",
    "over-context-budget": "context-budget",
    "over-references-budget": "references-budget",
    "purged-archive": "archives",
    "pending": "spool",
    "pending-broken": "spool",
    "spool-broken": "spool",
    "spool-waits": "spool",
}
_LOGS: Final = ".diffs/v1/"
_DAMAGED: Final = "damaged"


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """The request for a verification.

    Attributes:
        workspace: the workspace of the files.
        tokenizer: the name of the tokenizer.
        limits: threshold and budgets of the command line, by name of the setting.
        require: when a diff that is missing locally is a finding.
        since: a revision; problems from before its merge base with `HEAD` are left out.
        attribution: count the files with a known session.
    """

    workspace: Workspace
    tokenizer: str
    limits: Mapping[str, float | int | None] = field(default_factory=dict)
    require: Require = "none"
    since: str | None = None
    attribution: bool = False


class Check(NamedTuple):
    """A check and its findings.

    Attributes:
        name: the name, stable for scripts, in kebab case.
        title: the statement that is true if it passed.
        findings: its findings and notes.
        skipped: why it was not judged; empty if it was.
    """

    name: str
    title: str
    findings: tuple[Finding, ...] = ()
    skipped: str = ""

    @property
    def passed(self) -> bool:
        """Return True if the check found no problem."""
        return all(f.level == "note" for f in self.findings)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The result of a verification.

    Attributes:
        root: the folder of the workspace in the repository; `.` for its top.
        sessions, versions: their numbers in the manifest.
        diffs, layouts: the numbers of intact, missing and damaged ones, in this order.
        absent: the keys of diffs that are missing locally, and that git cannot recompute.
        in_git: the number of missing diffs that git recomputes with the recorded hash.
        findings: all findings and notes.
        tokens: the savings; None without a v1 log, or without its counts by this tokenizer.
        since: the commit that changes are compared with; None if everything is judged.
        attribution: the files with a known session; None if they were not counted.
    """

    root: str
    sessions: int
    versions: int
    diffs: tuple[int, int, int]
    layouts: tuple[int, int, int]
    absent: tuple[str, ...]
    in_git: int
    findings: tuple[Finding, ...]
    tokens: TokenReport | None
    since: str | None = None
    attribution: Attribution | None = None

    @property
    def exit_code(self) -> int:
        """Return 12 if stored bytes are damaged, 3 if a finding needs attention, else 0."""
        if any(f.code == _DAMAGED for f in self.findings):
            return exit_code(IntegrityError(""))
        return FINDINGS if any(f.level == "finding" for f in self.findings) else 0

    def checks(self) -> Iterator[Check]:
        """Return the checks, each with its findings."""
        found: dict[str, list[Finding]] = {name: [] for name in _CHECKS}
        for finding in self.findings:
            found[_check_of(finding)].append(finding)
        for name, title in _CHECKS.items():
            yield Check(name, title, tuple(found[name]), self._skipped(name))

    def _skipped(self, name: str) -> str:
        if name == "gate" and (self.tokens is None or not self.tokens.judged):
            return "there are no counts" if self.tokens is None else "the last sessions are small"
        if name == "context-budget" and self.tokens is None:
            return "there are no counts"
        return ""


def _check_of(finding: Finding) -> str:
    file = finding.file or ""
    if finding.code in _BY_CODE:
        return _BY_CODE[finding.code]
    return _BY_FILE.get(file, "logs" if file.startswith(_LOGS) else "diffs")
