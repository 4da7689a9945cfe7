"""Render the text for an agent at its start from the end of the deltas.

1. It reads the references and the ends of the deltas and of the progress log, never the v1 log or
   the manifest. If a context is rendered again, the sessions that it leaves out are summed up
   (`newest`).
2. Tokens are counted without loading a tokenizer (`codec.tokens.bpe_counts`). Compact references
   are cached by a hash of the file, because importing YAML takes longer than all else. A rendered
   text is cached by a hash of its input, which saves a tenth of the time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from codec.kinds import sha256_of
from codec.v2.context_view import DEFAULT_BUDGET, DEFAULT_LAST, VIEW_VERSION, Context, Style
from pipelines.system.fs.files import read_bytes
from pipelines.workspace import pending
from pipelines.workspace.cache import CACHE, read_json_cache, write_json_cache
from pipelines.workspace.location import DELTAS, PROGRESS, REFERENCES, Workspace
from pipelines.workspace.reading import newest_delta_lines

#: The number of cached texts: one for each set of options in use.
KEPT: Final = 8
#: A summary gets at most this part of the budget.
SUMMARY_PART: Final = 4


class Request(NamedTuple):
    """The options of a context.

    Attributes:
        workspace: the workspace of the sessions.
        tokenizer: the name of the tokenizer.
        budget: the most tokens; None for no limit.
        last: the number of newest sessions.
        style: the style of sessions.
        with_summary: add the newest summary by a model, in two lines.
    """

    workspace: Workspace
    tokenizer: str
    budget: int | None = DEFAULT_BUDGET
    last: int = DEFAULT_LAST
    style: Style = "compact"
    with_summary: bool = False


class Result(NamedTuple):
    """A rendered context, and the number of unreadable lines, without the user's."""

    context: Context
    broken: int


def render(request: Request, load: Callable[[str], Callable[[str], int]]) -> Result:
    """Render the context of a workspace.

    Args:
        request: the options.
        load: loads the counter of a tokenizer; not called for a cached text.
    """
    workspace = request.workspace
    file = read_bytes(workspace.path(REFERENCES))
    lines = newest_delta_lines(workspace, request.last)
    cache = workspace.path(CACHE, "context.json")
    summary = _summary_lines(request, load(request.tokenizer)) if request.with_summary else ""
    name = _name(request, file, lines, summary)
    kept = read_json_cache(cache, _decode) or {}
    if name in kept:
        return kept[name]

    from codec.v2.context_view import render_context
    from codec.v2.deltas import decode_deltas
    from pipelines.workspace.newest import newest_deltas, newest_notes

    references = _compact(workspace, file) if file else ""
    _, errors = decode_deltas(enumerate(lines, 1))
    broken = [lines[e.line - 1] for e in errors if e.line]
    if broken:
        from pipelines.workspace.delta_lines import kept_lines

        by_hand = kept_lines(workspace, [line.encode() for line in broken])
        broken = [line for line in broken if line.encode() not in by_hand]
    newest = newest_deltas(workspace, request.last)
    context = render_context(
        references,
        newest.newest,
        before=newest.before,
        notes=newest_notes(workspace),
        count=load(request.tokenizer),
        budget=request.budget,
        style=request.style,
        last=request.last,
        lines=summary,
    )
    result = Result(context=context, broken=len(broken))
    write_json_cache(cache, _encode({**dict(list(kept.items())[1 - KEPT :]), name: result}))
    return result


def _compact(workspace: Workspace, file: bytes) -> str:
    """Return the compact references for the context."""
    cache = workspace.path(CACHE, "references.json")
    name = f"{VIEW_VERSION}:{sha256_of(file)}"
    kept = read_json_cache(cache, lambda document: str(document[name]))
    if kept is None:
        from codec.references.document import compact_references

        kept = compact_references(file)
        write_json_cache(cache, {name: kept})
    return kept


def _summary_lines(request: Request, count: Callable[[str], int]) -> str:
    """Return the newest summary in two lines, within a part of the budget; empty without one."""
    from codec.summaries.summary_file import two_lines
    from pipelines.workspace.summaries import newest_summary

    summary = newest_summary(request.workspace)
    budget = DEFAULT_BUDGET if request.budget is None else request.budget
    return two_lines(summary, count, budget // SUMMARY_PART) if summary else ""


def _name(request: Request, file: bytes, lines: list[str], summary: str) -> str:
    """Return a hash of everything that a context depends on.

    Older deltas are only summed up, and notes are only rendered, so the files' sizes and
    modification times are sufficient.
    """
    options = (VIEW_VERSION, request.tokenizer, request.budget, request.last, request.style)
    files = (_stamp(request.workspace.path(name)) for name in (DELTAS, PROGRESS))
    stamps = (*files, pending.version(request.workspace))
    content = json.dumps([options, sha256_of(file), lines, summary, stamps])
    return sha256_of(content.encode())


def _stamp(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns


def _decode(document: Any) -> dict[str, Result]:
    return {
        name: Result(context=Context(**context), broken=broken)
        for name, (context, broken) in document.items()
    }


def _encode(kept: dict[str, Result]) -> dict[str, Any]:
    return {name: (r.context._asdict(), r.broken) for name, r in kept.items()}
