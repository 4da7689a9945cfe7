"""Write a document as Markdown (CommonMark with tables); texts of sessions cannot become markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pipelines.report.period.document import Block, Cell, Code, Document, Items, Table

_SIGNS = re.compile(r"([\\`*_{}\[\]<>#|~&!])")
#: Characters that make a list or a heading from a paragraph.
_BLOCK = re.compile(r"^(?:[-+](?=\s|$)|[-=]+$|\d{1,9}[.)](?=\s|$))")
_SPACE = re.compile(r"\s+")
_TICKS = re.compile(r"`+")


def markdown(document: Document) -> str:
    """Return a document as Markdown."""
    return "\n\n".join(_blocks(document)) + "\n"


def _blocks(document: Document) -> Iterator[str]:
    yield f"# {_text(document.title)}"
    yield _text(document.about)
    for section in document.sections:
        yield f"## {_text(section.title)}"
        yield from map(_block, section.blocks)


def _block(block: Block) -> str:
    if isinstance(block, Table):
        rule = ("---:" if i in block.right else "---" for i in range(len(block.head)))
        lines = [_row(map(_text, block.head)), _row(rule)]
        return "\n".join([*lines, *(_row(map(_cell, row)) for row in block.rows)])
    if isinstance(block, Items):
        return "\n".join(f"- {_paragraph(row)}" for row in block.rows)
    return _paragraph(block.parts)


def _paragraph(parts: Iterable[Cell]) -> str:
    text = " ".join(map(_cell, parts))
    return _BLOCK.sub(lambda m: f"{m[0][:-1]}\\{m[0][-1]}", text)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    if not isinstance(cell, Code):
        return _text(cell)
    text = _SPACE.sub(" ", cell).replace("|", "\\|")
    ticks = "`" * (max(map(len, _TICKS.findall(text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def _text(text: str) -> str:
    line = _SPACE.sub(" ", text).strip()
    # A bare address would become a link.
    return _SIGNS.sub(r"\\\1", line).replace("://", "&#58;//").replace("www.", "www&#46;")
