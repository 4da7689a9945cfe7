"""Compute the tokens that the migration saves, each figure with its baseline.

| baseline | before | after |
| --- | --- | --- |
| `window` (the gate) | the last 5 sessions in v1 | what `context` prints |
| `same` | the last 30 sessions in v1 | what `context --last 30` prints |
| `log` | the whole v1 log | what `context` prints |
| `files` | the whole v1 log | references and the last 30 delta lines as stored |
| `words` | `wc -w` of the v1 log | `wc -w` of references and deltas |

1. The tokens before come from the manifest, so that they are known when the log is gone.
2. A recorded session never was in a v1 log. Its cost is estimated, and reported as such: its patch
   and its reference entry. A patch that is not stored here counts by its size, with the v1 logs'
   tokens per byte.
3. The gate is `window`. An explicit threshold, on the command line or in the repository's settings,
   is always judged. By default, the gate is judged if the window is at least ten times the
   context's budget: below that it would mostly measure a fixed cost, and the budgets apply.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from codec.errors import IntegrityError
from codec.manifest.facts import V1Version
from codec.records import Session
from codec.references.document import compact_references
from codec.shown_text import counted
from codec.tokens.tokenizers import count_words
from codec.v1.text import decode_text
from codec.v2.context_view import DEFAULT_BUDGET, DEFAULT_LAST, render_context
from codec.v2.progress_log import encode_reference, reference_of
from pipelines.diffs.store import Store, commits_of
from pipelines.outcomes.errors import Erased, NotFound
from pipelines.system.fs.files import read_bytes
from pipelines.workspace.location import DELTAS, REFERENCES, Workspace
from pipelines.workspace.manifest_view import Manifest
from pipelines.workspace.newest import newest_deltas, newest_notes
from pipelines.workspace.reading import newest_delta_lines, read_file
from pipelines.workspace.thresholds import Limits

WINDOW: Final = 5
#: The gate is judged if the window is at least this many times the context's budget.
JUDGED_FROM: Final = 10


class Baseline(NamedTuple):
    """One comparison: the cost before and now, in tokens or words."""

    name: str
    before: int
    after: int
    what: str

    @property
    def reduction(self) -> float:
        """Return the percentage saved; negative if the cost is higher now."""
        return 100.0 * (self.before - self.after) / self.before if self.before else 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenReport:
    """The baselines of a workspace.

    Attributes:
        tokenizer: the name of the tokenizer.
        baselines: the baselines that apply, the gate first; the last three only with a v1 log.
        estimated: the number of sessions in the gate's window that never were in v1.
        context, references: the tokens that each costs now.
        limits: the requested limits.
        judged: the gate applies: its threshold is explicit, or the window is large enough.
    """

    tokenizer: str
    baselines: tuple[Baseline, ...]
    estimated: int
    context: int
    references: int
    limits: Limits
    judged: bool

    @property
    def gate_met(self) -> bool:
        """Return True if the gate is not judged, or its threshold is reached."""
        return not self.judged or self.baselines[0].reduction >= self.limits.threshold

    @property
    def over_budget(self) -> tuple[str, ...]:
        """Return the names of the parts over their budget."""
        over = [("context", self.context, self.limits.context)]
        over.append(("references", self.references, self.limits.references))
        return tuple(
            f"{name}: {cost} tokens, budget {limit}" for name, cost, limit in over if cost > limit
        )


def token_report(
    workspace: Workspace,
    manifest: Manifest,
    *,
    tokenizer: str,
    count: Callable[[str], int],
    limits: Limits,
) -> TokenReport:
    """Return all baselines of a workspace.

    Args:
        workspace, manifest: the workspace to measure.
        tokenizer: the name of the tokenizer.
        count: returns the number of tokens of a text.
        limits: threshold and budgets.

    Raises:
        NotFound: the manifest has no counts of v1 by this tokenizer.
    """
    versions = last_versions(manifest)
    sessions = manifest.in_order()[-DEFAULT_LAST:]
    costs = costs_in_v1(workspace, manifest, sessions, tokenizer=tokenizer, count=count)
    file = read_bytes(workspace.path(REFERENCES))
    references = compact_references(file)
    deltas, older, _ = newest_deltas(workspace, DEFAULT_LAST)
    # As `context` prints it, whatever budget is judged.
    context = render_context(
        references,
        deltas,
        count=count,
        budget=DEFAULT_BUDGET,
        last=DEFAULT_LAST,
        before=older,
        notes=newest_notes(workspace),
    )
    full = render_context(references, deltas, count=count, budget=None, last=DEFAULT_LAST)
    before = sum(costs[-WINDOW:])
    baselines = [
        Baseline("window", before, context.tokens, f"{_last(sessions, WINDOW)} -> context"),
        Baseline(
            "same",
            sum(costs),
            full.tokens,
            f"{_last(sessions, DEFAULT_LAST)} -> context --last {DEFAULT_LAST}",
        ),
    ]
    if versions:
        log = _log_tokens(versions, tokenizer)
        lines = newest_delta_lines(workspace, DEFAULT_LAST)
        files = count(file.decode(errors="replace") + "".join(f"{line}\n" for line in lines))
        words = count_words(file) + count_words(read_file(workspace, DELTAS))
        baselines += _of_the_log(versions, log, context.tokens, files, words)
    return TokenReport(
        tokenizer=tokenizer,
        baselines=tuple(baselines),
        estimated=sum(s.v1 is None for s in sessions[-WINDOW:]),
        context=context.tokens,
        references=count(references) if references else 0,
        limits=limits,
        judged=limits.is_explicit or before >= JUDGED_FROM * limits.context,
    )


def _of_the_log(
    versions: Sequence[V1Version], log: int, context: int, files: int, words: int
) -> list[Baseline]:
    """Return the baselines that start from the whole v1 log."""
    return [
        Baseline("log", log, context, "the whole v1 log -> context"),
        Baseline(
            "files", log, files, f"the whole v1 log -> references + last {DEFAULT_LAST} deltas"
        ),
        Baseline(
            "words",
            sum(v.words for v in versions),
            words,
            "wc -w of the v1 log -> wc -w of references + deltas",
        ),
    ]


def costs_in_v1(
    workspace: Workspace,
    manifest: Manifest,
    sessions: Sequence[Session],
    *,
    tokenizer: str,
    count: Callable[[str], int],
) -> list[int]:
    """Return the cost of each session in v1, or what it would have been.

        The newest sessions are those of the baselines. Patches of older recorded sessions are not
        read, but counted by their size, like patches that are not stored locally.

    Args:
        workspace, manifest: the workspace of the sessions.
        sessions: the sessions, oldest first.
        tokenizer: the name of the tokenizer.
        count: returns the number of tokens of a text.

    Raises:
        NotFound: the manifest has no counts of v1 by this tokenizer.
    """
    estimate = _Estimate(Store(workspace), count, _tokens_per_byte(manifest, tokenizer))
    newest = len(sessions) - DEFAULT_LAST
    return [
        _cost(session, tokenizer, estimate)
        if session.v1 or place >= newest
        else estimate.by_size(session)
        for place, session in enumerate(sessions)
    ]


def last_versions(manifest: Manifest) -> list[V1Version]:
    """Return the current version of each v1 log: the retired version, else the one seen last."""
    return list(manifest.current_versions().values())


class _Estimate(NamedTuple):
    """The estimated cost of a recorded session in a v1 log.

    Attributes:
        store: the store of the patches.
        count: returns the number of tokens of a text.
        per_byte: the tokens per byte of the v1 logs.
    """

    store: Store
    count: Callable[[str], int]
    per_byte: float

    def of(self, session: Session) -> int:
        """Return the tokens of a session's reference entry and patch."""
        if session.patch is None:
            return self.by_size(session)
        try:
            patch = self.store.read(session.key, session.patch, commits_of(session))
        except (Erased, NotFound, IntegrityError):  # `verify` reports a damaged one
            return self.by_size(session)
        return self.count(_entry(session)) + self.count(decode_text(patch))

    def by_size(self, session: Session) -> int:
        """Return the tokens of a session's reference entry, plus its patch's, estimated by size."""
        size = session.patch.size if session.patch else 0
        return self.count(_entry(session)) + round(size * self.per_byte)


def _entry(session: Session) -> str:
    return encode_reference(reference_of(session))


def _cost(session: Session, tokenizer: str, estimate: _Estimate) -> int:
    """Return the tokens of a session in a v1 log."""
    if session.v1 is None:
        return estimate.of(session)
    if tokenizer not in session.v1.tokens:
        raise _not_counted(session.key, tokenizer, session.v1.tokens)
    return session.v1.tokens[tokenizer]


def _last(sessions: Sequence[Session], most: int) -> str:
    """Return the label of the last sessions."""
    last = sessions[-most:]
    estimated = sum(s.v1 is None for s in last)
    if not estimated:
        return f"the last {counted(len(last), 'v1 session')}"
    return f"the last {counted(len(last), 'session')}, {estimated} of them estimated"


def _tokens_per_byte(manifest: Manifest, tokenizer: str) -> float:
    """Return the tokens per byte of the v1 logs; 0 without logs."""
    versions = last_versions(manifest)
    size = sum(v.size for v in versions)
    return _log_tokens(versions, tokenizer) / size if size else 0.0


def _log_tokens(versions: Sequence[V1Version], tokenizer: str) -> int:
    for version in versions:
        if tokenizer not in version.tokens:
            raise _not_counted(version.source, tokenizer, version.tokens)
    return sum(v.tokens[tokenizer] for v in versions)


def _not_counted(what: str, tokenizer: str, known: Iterable[str]) -> NotFound:
    return NotFound(
        f"{what}: its v1 tokens were not counted with {tokenizer}",
        hint=f"They were counted with {', '.join(known) or 'nothing'}: pass it as --tokenizer",
    )
