"""Test the size of modules and functions, their imports, and that nouns agree with their counts."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
MODULE_LINES: Final = 350
FUNCTION_LINES: Final = 50
#: Begins the comment above a longer function that says why it is not split.
REASON: Final = "# Long: "

#: What messages count, as it follows a number.
COUNTED: Final = re.compile(
    r" (?:[a-z0-9-]*[^s ] ){0,2}(?:sessions|diffs|files|lines|entries|layouts|archives|transcripts"
    r"|commits|repositories|shards|findings|records|prompts|versions|values|objects|questions|workers)\b"
)

MODULES: Final = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for package in ("codec", "pipelines")
    for path in sorted((ROOT / package).rglob("*.py"))
}


def _functions(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, int]]:
    """Yield the functions of a module and their lines, docstrings apart: a verb's is its help."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if ast.get_docstring(node) is not None:
                first = node.body[0]
                lines -= (first.end_lineno or 0) - first.lineno + 1
            yield node, lines


def _imports(name: str, tree: ast.Module) -> set[str]:
    """Return the modules of ours that a module imports, in functions and for types as well."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            below = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= below & MODULES.keys() or {node.module}
    return (found & MODULES.keys()) - {name}


def test_no_module_is_longer_than_350_lines() -> None:
    lines = {name: path.read_text().count("\n") for name, path in MODULES.items()}
    assert {name: n for name, n in lines.items() if n > MODULE_LINES} == {}


def test_a_function_of_more_than_50_lines_has_a_reason_above_it() -> None:
    found = []
    for name, path in MODULES.items():
        text = path.read_text()
        for node, lines in _functions(ast.parse(text)):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            above = text.splitlines()[: first - 1]
            if lines > FUNCTION_LINES and not _reason(above):
                found.append(f"{name}.{node.name}: {lines} lines")
    assert found == []


def _reason(above: list[str]) -> bool:
    comments = []
    for line in reversed(above):
        if not line.lstrip().startswith("#"):
            break
        comments.append(line.lstrip())
    return any(line.startswith(REASON) for line in comments)


def test_no_module_imports_itself_through_others() -> None:
    """Remove modules that import nothing that is left, until none is: what stays is a circle."""
    left = {name: _imports(name, ast.parse(path.read_text())) for name, path in MODULES.items()}
    while done := [name for name, imports in left.items() if not imports & left.keys()]:
        for name in done:
            del left[name]
    assert left == {}


def test_a_noun_agrees_with_its_count() -> None:
    found = []
    for name, path in MODULES.items():
        texts = (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.JoinedStr))
        found += [f"{name}: {ast.unparse(text)}" for text in texts if _is_plural_for_one(text)]
    assert found == [], "write it with codec.shown_text.counted"


def _is_plural_for_one(text: ast.JoinedStr) -> bool:
    """Return True if a text has a number that may be 1 before a plural; constants are larger."""
    return any(
        isinstance(number, ast.FormattedValue)
        and not (isinstance(number.value, ast.Name) and number.value.id.isupper())
        and not ast.unparse(number.value).startswith("counted(")
        and isinstance(noun, ast.Constant)
        and COUNTED.match(str(noun.value))
        for number, noun in itertools.pairwise(text.values)
    )
