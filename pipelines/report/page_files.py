"""The files that pages are made from, and the hashes by which a page allows its own sources."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources


def asset(name: str) -> str:
    """Return the text of a file in `assets`."""
    return (resources.files("pipelines.report") / "assets" / name).read_text(encoding="utf-8")


def style_of(name: str) -> str:
    """Return the rules that all pages share, followed by a style sheet."""
    return asset("base.css") + asset(name)


def source_hash(text: str) -> str:
    """Return the source expression of a script or style in a content security policy."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
