"""Build the documentation as a static site: `make site`.

The pages link to each other as they do in the repository, so the site has the repository's layout:
its pages, and every file that a page links to or shows, are copied to `build/site-source` under
their own paths. zensical builds `build/site` from that, and fails on a link to a page or a heading
that does not exist.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
BUILD: Final = ROOT / "build"
SOURCE: Final = BUILD / "site-source"
CONFIG: Final = ROOT / "docs" / "zensical.toml"
#: The target of a link or picture, in Markdown or in HTML.
_TARGET = re.compile(
    r"\]\((?P<link>[^)\s]+)\)|<(?:img|a)\b[^>]*\b(?:src|href)=\"(?P<html>[^\"]+)\""
)
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.I)
_FENCE = re.compile(r"^(?P<mark>`{3,}|~{3,})[^\n]*\n.*?^(?P=mark)[ \t]*$", re.M | re.S)
_CODE = re.compile(r"`[^`\n]+`")
_HEADING = re.compile(r"^#{1,6} +(?P<text>.*?) *$", re.M)
_COLOR = re.compile(r"\x1b\[[0-9;]*m")
#: A fence with a second word, which FORMATS.md has for its tests and the generator does not take.
_MARKED = re.compile(r"^(?P<fence>(?:`{3,}|~{3,})\w+) [\w-]+$", re.M)


def pages() -> list[Path]:
    """Return the pages of the site."""
    top = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
    return [
        *(ROOT / name for name in top),
        ROOT / "codec" / "FORMATS.md",
        ROOT / "fixtures" / "README.md",
        *(p for p in sorted((ROOT / "docs").glob("*.md")) if p.name != "description.md"),
    ]


def targets(text: str) -> Iterator[str]:
    """Yield what a page links to or shows, other sites left out."""
    prose = _CODE.sub("", _FENCE.sub("", text))
    for m in _TARGET.finditer(prose):
        target = m["link"] or m["html"]
        if not _ELSEWHERE.match(target):
            yield target


def headings(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and the generator name them."""
    found = (m["text"] for m in _HEADING.finditer(_FENCE.sub("", text)))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}


def collect(source: Path) -> None:
    """Copy the pages, and the files that they link to, into an empty folder."""
    known = pages()
    for page in known:
        text = page.read_text(encoding="utf-8")
        _copy(page, source).write_text(_MARKED.sub(r"\g<fence>", text), encoding="utf-8")
        for target in targets(text):
            file = (page.parent / target.partition("#")[0]).resolve()
            if file.is_file() and file not in known:
                _copy(file, source)


def _copy(file: Path, source: Path) -> Path:
    copy = source / file.relative_to(ROOT)
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, copy)
    return copy


def main() -> None:
    """Build the site; exit with the generator's code."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    collect(SOURCE)
    shutil.copy(CONFIG, BUILD)  # the generator writes only below its configuration
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    done = subprocess.run(command, cwd=BUILD, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.stderr.write(_COLOR.sub("", done.stdout + done.stderr))
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
