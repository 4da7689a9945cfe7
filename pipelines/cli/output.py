"""Print data on stdout and messages on stderr.

1. On a terminal, control characters are shown as escapes, status words have colours unless
   `NO_COLOR` is set, and rows of a table are cut to its width.
2. In a pipe or a file, bytes are data: nothing is coloured, cut or escaped.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, TextIO

from codec.shown_text import shown
from pipelines.outcomes.errors import FINDINGS
from pipelines.outcomes.findings import Finding
from pipelines.outcomes.progress import Advance

# Patterns are compiled at their first use: agents read output without a terminal.
_OBEYED: Final = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]"
#: The most findings of one kind that are printed; `--json` has all of them.
SHOWN = 5
_RED, _GREEN, _YELLOW = "31", "32", "33"
_COLOURS: Final = {
    **dict.fromkeys(("error", "finding", "FAIL"), _RED),
    **dict.fromkeys(("note", "PARTIAL", "UNKNOWN"), _YELLOW),
    "PASS": _GREEN,
}
_STATUS: Final = r"^(?:error|finding|note)(?=: )|(?<![\w-])(?:PASS|FAIL|PARTIAL|UNKNOWN)(?![\w-])"


def coloured(text: str, stream: TextIO) -> str:
    """Return a line with its status words coloured, if the stream is a terminal with colours."""
    if not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return re.sub(_STATUS, lambda m: f"\x1b[{_COLOURS[m[0]]}m{m[0]}\x1b[0m", text)


def fitted(line: str) -> str:
    """Return a line cut to the width of the terminal; unchanged if stdout is not a terminal."""
    if not sys.stdout.isatty():
        return line
    import shutil

    width = shutil.get_terminal_size().columns
    return line if len(line) <= width else line[: max(1, width - 1)] + "…"


def visible(text: str) -> str:
    """Return a text with its control characters written as escapes."""
    return re.sub(
        _OBEYED,
        lambda m: f"\\x{ord(m[0]):02x}" if ord(m[0]) < 256 else f"\\u{ord(m[0]):04x}",
        text,
    )


def say(text: str = "") -> None:
    """Print a line of data on stdout, without format characters."""
    _print(text, sys.stdout)


def tell(text: str) -> None:
    """Print a message on stderr, without format characters.

    If stderr cannot be written (a full disk), the message is lost and the verb goes on.
    """
    with suppress(OSError):
        _print(text, sys.stderr)


def _print(text: str, stream: TextIO) -> None:
    text = shown(text)
    stream.write(coloured(visible(text) if stream.isatty() else text, stream) + "\n")


def say_table(rows: Sequence[Sequence[str]], right: frozenset[int]) -> None:
    """Print rows as aligned columns, cut to the width of a terminal."""
    for line in table(rows, right):
        say(fitted(line))


@contextmanager
def stdout_to(path: str) -> Iterator[None]:
    """Collect stdout, then write it to a file as a whole; an error leaves the file as it was."""
    data = io.BytesIO()
    before = sys.stdout
    sys.stdout = io.TextIOWrapper(data, encoding="utf-8", errors="backslashreplace", newline="\n")
    try:
        yield
        sys.stdout.flush()
        write_output(path, data.getvalue())
    finally:
        sys.stdout = before


def write_output(path: str, data: bytes) -> None:
    """Replace a user-named file atomically, or write to a device or pipe."""
    from pipelines.system.fs.files import replace_file

    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as f:
            f.write(data)
    else:
        replace_file(path, [data])


def confirm(question: str) -> bool:
    """Ask on stderr, and return True if the answer is yes.

    Raises:
        KeyboardInterrupt: stdin ends before an answer.
    """
    sys.stderr.write(f"{question} [y/N]: ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        raise KeyboardInterrupt
    return answer.strip().lower() in ("y", "yes")


def say_json(verb: str, fields: Mapping[str, Any]) -> None:
    """Print one JSON document with its schema's name and version."""
    sys.stdout.write(json_document(verb, fields))


def json_document(verb: str, fields: Mapping[str, Any]) -> str:
    """Return one JSON document with its schema's name and version."""
    document = {"schema": f"session-codec/{verb}/1", **fields}
    # In ASCII, so that no control character, lone surrogate or encoding can break the document.
    return json.dumps(document, indent=2) + "\n"


def findings_json(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return findings as JSON, without the fields that are not set."""
    return [{k: v for k, v in f._asdict().items() if v is not None} for f in findings]


def code_of(findings: Iterable[Finding]) -> int:
    """Return the exit code of a verb that ran: 3 if a finding needs attention, else 0."""
    return FINDINGS if any(f.level == "finding" for f in findings) else 0


def tell_findings(findings: Sequence[Finding]) -> None:
    """Print findings and then notes on stderr, only a few of each kind."""
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
    """Return rows as aligned columns; the first row is the header.

    Args:
        rows: the cells of each row.
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
    """Print each stage with its time on stderr; on a terminal, show a progress bar."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()

    @contextmanager
    def stage(
        self, name: str, total: int | None = None, *, in_bytes: bool = False
    ) -> Iterator[Advance]:
        """Time a stage."""
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
