"""What the command line prints: data on stdout, talk on stderr, control characters on neither.

Control characters are neutralised where a terminal would obey them, and left as they are in a
pipe, where the bytes are data.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from codec.shown_text import shown
from pipelines.findings import Finding
from pipelines.progress import Advance

_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
#: A finding of one kind is shown this many times; `--json` has all of them.
SHOWN = 5


def visible(text: str) -> str:
    """A text with its control characters shown instead of obeyed."""
    return _OBEYED.sub(
        lambda m: f"\\x{ord(m[0]):02x}" if ord(m[0]) < 256 else f"\\u{ord(m[0]):04x}", text
    )


def say(text: str = "") -> None:
    """Print a line of data on stdout, without format characters."""
    text = shown(text)
    sys.stdout.write((visible(text) if sys.stdout.isatty() else text) + "\n")


def tell(text: str) -> None:
    """Print a line of talk on stderr, without format characters."""
    text = shown(text)
    sys.stderr.write((visible(text) if sys.stderr.isatty() else text) + "\n")


def say_json(verb: str, fields: Mapping[str, Any]) -> None:
    """One JSON document with its schema's name and version, on stdout."""
    sys.stdout.write(json_document(verb, fields))


def json_document(verb: str, fields: Mapping[str, Any]) -> str:
    """One JSON document with its schema's name and version."""
    document = {"schema": f"session-codec/{verb}/1", **fields}
    # In ASCII: no control character, half character or other encoding can break the document.
    return json.dumps(document, indent=2) + "\n"


def findings_json(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Findings as JSON, without what they do not have."""
    return [{k: v for k, v in f._asdict().items() if v is not None} for f in findings]


def tell_findings(findings: Sequence[Finding]) -> None:
    """Findings and then notes, no more than a few of one kind."""
    for level in ("finding", "note"):
        counts: dict[str, int] = {}
        for finding in findings:
            if finding.level != level:
                continue
            counts[finding.code] = counts.get(finding.code, 0) + 1
            if counts[finding.code] <= SHOWN:
                tell(f"{level}: {finding}")
        for code, count in counts.items():
            if count > SHOWN:
                tell(f"{level}: {count - SHOWN} more of kind '{code}'; --json lists them all")


def table(rows: Sequence[Sequence[str]], right: frozenset[int]) -> list[str]:
    """Rows as aligned columns, the first row their header.

    Args:
        rows: cells.
        right: the columns that are aligned to the right.
    """
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(widths[i]) if i in right else cell.ljust(widths[i])
            for i, cell in enumerate(row)
        ).rstrip()
        for row in rows
    ]


class Stages:
    """Names each stage on stderr with its time as it passes; a bar for it on a terminal."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()

    @contextmanager
    def stage(
        self, name: str, total: int | None = None, *, in_bytes: bool = False
    ) -> Iterator[Advance]:
        """A stage that is under way."""
        began = time.perf_counter()
        if self._live and total:
            from tqdm import tqdm

            unit = {"unit": "B", "unit_scale": True} if in_bytes else {"unit": ""}
            with tqdm(total=total, desc=name, leave=False, dynamic_ncols=True, **unit) as bar:

                def advance(done: int) -> None:
                    bar.update(done - bar.n)

                yield advance
        else:
            yield lambda done: None
        tell(f"{name:<10} {time.perf_counter() - began:6.2f} s")
