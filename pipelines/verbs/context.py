"""Render the text for an agent at its start from the tail of the deltas.

1. It reads the references and the end of the deltas, never the v1 log or the manifest. If a context
   is rendered again, the sessions that it leaves out are summed up (`newest`).
2. Tokens are counted without loading a tokenizer (`codec.tokens.bpe_counts`). Compact references
   are kept by the hash of the file, because importing YAML takes longer than all else. A rendering
   is kept by the hash of its inputs, which saves a tenth of the time.
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
from pipelines.workspace.location import DELTAS, REFERENCES, Workspace
from pipelines.workspace.reading import newest_delta_lines

#: How many renderings are kept: one for each set of options in use.
KEPT: Final = 8
#: A summary gets one part in so many of the budget.
SUMMARY_PART: Final = 4


class Request(NamedTuple):
    """The request to render.

    Attributes:
        workspace: whose sessions.
        tokenizer: the name of what counts tokens.
        budget: tokens at the most; None for no limit.
        last: how many of the newest sessions.
        style: how sessions are written.
        with_summary: add two lines of the newest summary by a model.
    """

    workspace: Workspace
    tokenizer: str
    budget: int | None = DEFAULT_BUDGET
    last: int = DEFAULT_LAST
    style: Style = "compact"
    with_summary: bool = False


class Result(NamedTuple):
    """A rendered context, and how many lines of the tail, a person's apart, are not deltas."""

    context: Context
    broken: int


def render(request: Request, load: Callable[[str], Callable[[str], int]]) -> Result:
    """Render the context of a workspace.

    Args:
        request: what to render.
        load: loads the counter of a tokenizer; not called for a cached rendering.
    """
    workspace = request.workspace
    file = read_bytes(workspace.path(REFERENCES))
    lines = newest_delta_lines(workspace, request.last)
    cache = workspace.path(CACHE, "context.json")
    told = _told(request, load(request.tokenizer)) if request.with_summary else ""
    name = _name(request, file, lines, told)
    kept = read_json_cache(cache, _decode) or {}
    if name in kept:
        return kept[name]

    from codec.v2.context_view import render_context
    from codec.v2.deltas import decode_deltas
    from pipelines.workspace.newest import newest_deltas

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
        count=load(request.tokenizer),
        budget=request.budget,
        style=request.style,
        last=request.last,
        lines=told,
    )
    result = Result(context=context, broken=len(broken))
    write_json_cache(cache, _encode({**dict(list(kept.items())[1 - KEPT :]), name: result}))
    return result


def _compact(workspace: Workspace, file: bytes) -> str:
    """Return the references as the context has them."""
    cache = workspace.path(CACHE, "references.json")
    name = f"{VIEW_VERSION}:{sha256_of(file)}"
    kept = read_json_cache(cache, lambda document: str(document[name]))
    if kept is None:
        from codec.references.document import compact_references

        kept = compact_references(file)
        write_json_cache(cache, {name: kept})
    return kept


def _told(request: Request, count: Callable[[str], int]) -> str:
    """Return two lines of the newest summary, in a part of the budget; empty without one."""
    from codec.summaries.summary_file import two_lines
    from pipelines.workspace.summaries import newest_summary

    summary = newest_summary(request.workspace)
    budget = DEFAULT_BUDGET if request.budget is None else request.budget
    return two_lines(summary, count, budget // SUMMARY_PART) if summary else ""


def _name(request: Request, file: bytes, lines: list[str], told: str) -> str:
    """Return a hash of all that a rendering depends on.

    The deltas before the newest are only summed up: the files' sizes and modification times
    identify them.
    """
    options = (VIEW_VERSION, request.tokenizer, request.budget, request.last, request.style)
    try:
        found = os.stat(request.workspace.path(DELTAS))
        stamp = (found.st_size, found.st_mtime_ns)
    except OSError:
        stamp = (0, 0)
    stamps = (stamp, pending.version(request.workspace))
    content = json.dumps([options, sha256_of(file), lines, told, stamps])
    return sha256_of(content.encode())


def _decode(document: Any) -> dict[str, Result]:
    return {
        name: Result(context=Context(**context), broken=broken)
        for name, (context, broken) in document.items()
    }


def _encode(kept: dict[str, Result]) -> dict[str, Any]:
    return {name: (r.context._asdict(), r.broken) for name, r in kept.items()}
