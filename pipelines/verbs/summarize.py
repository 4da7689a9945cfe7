"""A period report on a year, quarter, month, week or range of days.

It only reads the workspace. Its content is complete without a model; figures are those of `query`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from codec.periods import Period
from pipelines.outcomes.findings import Finding
from pipelines.outcomes.progress import Progress
from pipelines.summary.content import Content, content_of
from pipelines.summary.source import read_source
from pipelines.workspace.location import Workspace


class Request(NamedTuple):
    """The request for a period report.

    Attributes:
        workspace: whose sessions.
        period: which of them.
        tokenizer: the name of what counts tokens.
        private_paths: patterns of paths; sessions that touch one are only counted.
        allow: fingerprints of secrets that may be shown.
    """

    workspace: Workspace
    period: Period
    tokenizer: str
    private_paths: tuple[str, ...] = ()
    allow: frozenset[str] = frozenset()


class Report(NamedTuple):
    """A period report and findings."""

    content: Content
    findings: tuple[Finding, ...]


def summarize(
    request: Request, load: Callable[[str], Callable[[str], int]], progress: Progress
) -> Report:
    """Return the report of a period.

    Args:
        request: what to report.
        load: loads the counter of a tokenizer.
        progress: receives the stages.

    Raises:
        FormatError: there is no period before this one.
        Unavailable: a text may hold a secret, and the scanner is missing or failed.
    """
    read = read_source(
        request.workspace,
        request.period,
        progress,
        private_paths=request.private_paths,
        allow=request.allow,
    )
    content = content_of(read.source, request.tokenizer, _lazy(request.tokenizer, load))
    return Report(content, read.findings)


def _lazy(tokenizer: str, load: Callable[[str], Callable[[str], int]]) -> Callable[[str], int]:
    """Return a counter that is loaded when it counts its first text."""
    loaded: list[Callable[[str], int]] = []

    def count(text: str) -> int:
        if not loaded:
            loaded.append(load(tokenizer))
        return loaded[0](text)

    return count
