"""A period report as JSON."""

from __future__ import annotations

from typing import Any

from pipelines.report.period.content import Content, Figures
from pipelines.report.period.document import Block, Cell, Code, Document, Items, Table
from pipelines.report.period.texts import Listing


def report_json(content: Content) -> dict[str, Any]:
    """Return a period report as one JSON document."""
    c = content
    return {
        "workspace": c.name,
        "period": {"name": c.period.name, "since": c.period.since, "until": c.period.until},
        "figures": _figures(c.figures),
        "before": {"period": c.period.before().name, **_figures(c.before)},
        "private": c.private,
        "files": _listing(c.files),
        "folders": _listing(c.folders),
        "unread": c.unread,
        "longest": _listing(c.longest),
        "failing": _listing(c.failing),
        "reverted": _listing(c.reverted),
        "repeated": _listing(c.repeated),
        "groups": [g._asdict() for g in c.groups],
        "decisions": _listing(c.decisions),
        "lessons": _listing(c.lessons),
        "blockers": _listing(c.blockers),
        "next": _listing(c.next_steps),
        "saved": c.saved._asdict() if c.saved else None,
        "archives": [
            {"name": a.fact.name, "diffs": len(a.fact.keys), "size": a.fact.size, "here": a.here}
            for a in c.archives
        ],
    }


def document_json(document: Document) -> dict[str, Any]:
    """Return a page as the values of a JSON document: texts, and objects for code."""
    return {
        "title": document.title,
        "about": document.about,
        "sections": [
            {"title": s.title, "blocks": list(map(_block, s.blocks))} for s in document.sections
        ],
    }


def _block(block: Block) -> dict[str, Any]:
    if isinstance(block, Table):
        rows = [list(map(_cell, row)) for row in block.rows]
        return {"head": block.head, "right": sorted(block.right), "rows": rows}
    if isinstance(block, Items):
        return {"items": [list(map(_cell, row)) for row in block.rows]}
    return {"text": list(map(_cell, block.parts))}


def _cell(cell: Cell) -> str | dict[str, str]:
    return {"code": str(cell)} if isinstance(cell, Code) else cell


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        **figures._asdict(),
        "agents": dict(figures.agents),
        "statuses": dict(figures.statuses),
        "pass_rate": figures.pass_rate,
    }


def _listing(listing: Listing[Any]) -> dict[str, Any]:
    return {"rows": [row._asdict() for row in listing.rows], "total": listing.total}
