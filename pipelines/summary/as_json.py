"""A period report as JSON."""

from __future__ import annotations

from typing import Any

from pipelines.summary.content import Content, Figures, Listing


def report_json(content: Content) -> dict[str, Any]:
    """Return a period report as the values of one JSON document."""
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


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        **figures._asdict(),
        "agents": dict(figures.agents),
        "statuses": dict(figures.statuses),
        "pass_rate": figures.pass_rate,
    }


def _listing(listing: Listing[Any]) -> dict[str, Any]:
    return {"rows": [row._asdict() for row in listing.rows], "total": listing.total}
