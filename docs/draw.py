"""Draw sentences at random for a reader: `python -m docs.draw [SEED]`.

Nobody can read all of a project's English for each release. A reader gets 60 docstrings, 40 errors
and findings, 40 sentences of help texts and 20 of the README, and notes each that has to be read
twice. The same seed draws the same sentences from the same tree.
"""

from __future__ import annotations

import ast
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

CODE: Final = ("codec", "pipelines")
#: Classes whose text is for users: errors, and `Finding`.
_MESSAGE = re.compile(r"(?:Error|Finding|Misuse|Refused|Denied|Missing|Found|Invalid|Conflict)$")
_FENCED = re.compile(r"^```.*?^```|<!--.*?-->", re.M | re.S)
#: An option and its description, which may go on in lines that are indented further.
_OPTION = re.compile(r"^  (?:-\w, |    )?--?[\w-]+.*?  +(?P<text>\S.*(?:\n {8,}\S.*)*)", re.M)
_SENTENCE = re.compile(r"(?<=[.!?:])\s+(?=[A-Z`])")


def main() -> None:
    """Print the seed and what it draws."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(10_000)  # noqa: S311
    print(f"seed {seed}")
    drawing = random.Random(seed)  # noqa: S311 - a sample, not a secret
    for kind, texts, count in (
        ("docstring", docstrings(), 60),
        ("message", messages(), 40),
        ("help", help_sentences(Path("docs/commands.md").read_text(encoding="utf-8")), 40),
        ("README", sentences(_FENCED.sub("", Path("README.md").read_text(encoding="utf-8"))), 20),
    ):
        found = sorted(set(texts))
        for text in drawing.sample(found, min(count, len(found))):
            print(f"{kind}: {text}")


def docstrings() -> Iterator[str]:
    """Yield the first lines of docstrings, each with the name of its function or class."""
    for node in _nodes():
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and (text := ast.get_docstring(node)):
            yield f"{node.name}: {text.split(chr(10), 1)[0]}"


def messages() -> Iterator[str]:
    """Yield the texts of errors and findings; `{}` is a value."""
    for node in _nodes():
        if isinstance(node, ast.Call) and _MESSAGE.search(_name(node.func)):
            for argument in (*node.args, *(k.value for k in node.keywords)):
                text = _text(argument)
                if " " in text:
                    yield text


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a page's paragraphs."""
    for paragraph in re.split(r"\n\s*\n", text):
        line = " ".join(paragraph.split())
        if line[:1].isalpha() or line[:1] == "`":
            yield from (s for s in _SENTENCE.split(line) if " " in s)


def help_sentences(page: str) -> Iterator[str]:
    """Yield the sentences of help texts, and the descriptions of options."""
    for fenced in _FENCED.finditer(page.partition("<!-- generated: help -->")[2]):
        before = re.split(r"\n(?:Verbs|Options):\n", fenced[0])[0]
        yield from (s for s in sentences(before.partition("\n")[2]) if not s.startswith("Usage:"))
        yield from (" ".join(m["text"].split()) for m in _OPTION.finditer(fenced[0]))


def _nodes() -> Iterator[ast.AST]:
    for folder in CODE:
        for path in sorted(Path(folder).rglob("*.py")):
            yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _text(node: ast.expr) -> str:
    """Return a string as its reader sees it; empty for anything else."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(v) if isinstance(v, ast.Constant) else "{}" for v in node.values)
    return ""


if __name__ == "__main__":
    main()
