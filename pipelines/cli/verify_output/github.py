"""Write findings as GitHub annotations, which are shown next to the lines."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator
from typing import Final

from codec.shown_text import shown
from pipelines.cli.output import visible
from pipelines.outcomes.findings import Finding

#: The most annotations of each level that GitHub shows for a step.
SHOWN: Final = 10
_COMMANDS: Final = {"finding": "error", "note": "notice"}


def annotations_of(findings: Iterable[Finding], root: str) -> Iterator[str]:
    """Yield workflow commands, one for each finding that GitHub shows.

    Args:
        findings: the findings to show.
        root: the folder of the workspace in the repository.
    """
    counts = dict.fromkeys(_COMMANDS, 0)
    for finding in findings:
        counts[finding.level] += 1
        if counts[finding.level] > SHOWN:
            continue
        properties = {"title": f"session-codec: {finding.code}"}
        if finding.file:
            path = posixpath.normpath(posixpath.join(root.replace(os.sep, "/"), finding.file))
            properties["file"] = path
        if finding.line:
            properties["line"] = str(finding.line)
        told = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
        text = str(finding._replace(file=None, line=None))
        yield f"::{_COMMANDS[finding.level]} {told}::{_data(text)}"


def annotation_of(error: Exception) -> str:
    """Return the workflow command for an error that stopped `verify`."""
    kind = _property(f"session-codec: {type(error).__name__}")
    return f"::error title={kind}::{_data(str(error))}"


def _data(text: str) -> str:
    """Return a text escaped so that it neither ends a line nor begins a command."""
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return visible(shown(text))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
