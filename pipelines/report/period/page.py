"""Write a document as one HTML page without scripts and requests, which can be sent by mail."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from pipelines.report.page_files import source_hash, style_of
from pipelines.report.period.document import Block, Cell, Code, Document, Items, Table

#: On a phone, the rows of tables with more columns become blocks.
_NARROW = 4
#: The text in the first bytes of every page.
MARK = '<meta name="generator" content="session-codec summarize">'
_HEAD = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
{mark}
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src {style_hash}; \
base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header class="page">
<p class="eyebrow">Period report</p>
<h1>{title}</h1>
<p class="about">{about}</p>
</header>
<main>
"""
_FOOT = """\
</main>
<footer>
<p>Made by session-codec from the files of this workspace. Read a session with
<code>session-codec show KEY</code>.</p>
</footer>
</body>
</html>
"""


def page(document: Document) -> str:
    """Return a document as an HTML page."""
    style = style_of("period.css")
    head = _HEAD.format(
        mark=MARK,
        style=style,
        style_hash=source_hash(style),
        title=_escaped(document.title),
        about=_escaped(document.about),
    )
    return head + "".join(_sections(document)) + _FOOT


def _sections(document: Document) -> Iterator[str]:
    for number, section in enumerate(document.sections):
        name = f"section-{number}"
        yield f'<section aria-labelledby="{name}">\n'
        yield f'<h2 id="{name}">{_escaped(section.title)}</h2>\n'
        for block in section.blocks:
            yield _block(block, section.title)
        yield "</section>\n"


def _block(block: Block, title: str) -> str:
    if isinstance(block, Table):
        # A table that is wider than a phone scrolls, also by keyboard.
        label = _escaped(f"{title}: {block.head[0] or 'figures'}")
        head = "".join(_head_cell(text, i in block.right) for i, text in enumerate(block.head))
        rows = "".join(_row(row, block) for row in block.rows)
        wide = ' class="wide"' if len(block.head) > _NARROW else ""
        return (
            f'<div class="scroll" role="region" tabindex="0" aria-label="{label}">\n'
            f"<table{wide}>\n"
            f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</div>\n"
        )
    if isinstance(block, Items):
        rows = "".join(f"<li>{' '.join(map(_cell, row))}</li>\n" for row in block.rows)
        return f"<ul>\n{rows}</ul>\n"
    return f'<p class="note">{" ".join(map(_cell, block.parts))}</p>\n'


def _head_cell(text: str, is_number: bool) -> str:
    number = ' class="number"' if is_number else ""
    return f'<th scope="col"{number}>{_escaped(text)}</th>' if text else "<td></td>"


def _row(row: tuple[Cell, ...], table: Table) -> str:
    cells = [f'<th scope="row">{_cell(row[0])}</th>']
    for place, cell in enumerate(row[1:], 1):
        number = ' class="number"' if place in table.right else ""
        name = _escaped(table.head[place])
        cells.append(f'<td{number} data-name="{name}">{_cell(cell)}</td>')
    return f"<tr>{''.join(cells)}</tr>\n"


def _cell(cell: Cell) -> str:
    text = _escaped(cell)
    return f"<code>{text}</code>" if isinstance(cell, Code) else text


def _escaped(text: str) -> str:
    return escape(text.encode(errors="replace").decode())
