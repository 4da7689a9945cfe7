"""One table names every code that a finding can have, checked against the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, get_args

from codec.merge.repair import Code
from pipelines.outcomes.findings import Finding
from pipelines.verification.report import RULES

TOP: Final = Path(__file__).parents[2]
MODULES: Final = {
    path.relative_to(TOP).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted((TOP / "pipelines").rglob("*.py"))
}
_CODE: Final = re.compile(r"[a-z]+(?:-[a-z]+)*")


def made_codes(tree: ast.Module) -> Iterator[ast.expr]:
    """Yield the codes that a module passes to `Finding` or to a parameter `code`."""
    places = {"Finding": 0}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            names = [argument.arg for argument in node.args.args if argument.arg != "self"]
            if "code" in names:
                places[node.name] = names.index("code")
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        name = node.func.id if isinstance(node.func, ast.Name) else name
        if name in places:
            yield from (k.value for k in node.keywords if k.arg == "code")
            if len(node.args) > places[name] and not any(
                isinstance(argument, ast.Starred) for argument in node.args
            ):
                yield node.args[places[name]]


def patterns(code: ast.expr, tree: ast.Module) -> Iterator[str]:
    """Yield a regular expression for each value of an expression; none if it is passed on."""
    if isinstance(code, ast.Constant):
        if isinstance(code.value, str):  # a parameter `code` can be an exit code, too
            yield re.escape(code.value)
    elif isinstance(code, ast.IfExp):
        yield from patterns(code.body, tree)
        yield from patterns(code.orelse, tree)
    elif isinstance(code, ast.JoinedStr):
        yield "".join(
            re.escape(str(part.value)) if isinstance(part, ast.Constant) else "[a-z]+"
            for part in code.values
        )
    elif isinstance(code, ast.Name) and code.id.isupper():
        for node in tree.body:
            if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == code.id:
                assert node.value is not None
                yield from patterns(node.value, tree)
    else:
        # A name is passed on; what a call returns is an exit code.
        assert isinstance(code, ast.Name | ast.Attribute | ast.Call), ast.unparse(code)


def test_every_code_of_a_finding_is_in_the_table() -> None:
    made = {
        pattern
        for tree in MODULES.values()
        for code in made_codes(tree)
        for pattern in patterns(code, tree)
    }
    assert len(made) > 60
    missing = {p for p in made if not any(re.fullmatch(p, code) for code in RULES)}
    assert missing == set()


def test_every_repair_is_in_the_table() -> None:
    assert set(get_args(Code)) <= set(RULES)


def test_every_code_of_the_table_is_in_the_source() -> None:
    text = "".join(
        ast.unparse(tree)
        for name, tree in MODULES.items()
        if name != "pipelines/verification/report.py"
    )
    text += (TOP / "codec" / "merge" / "repair.py").read_text(encoding="utf-8")
    unused = [code for code in RULES if f"'{code}'" not in text and f'"{code}"' not in text]
    assert [code for code in unused if not re.fullmatch("over-[a-z]+-budget", code)] == []


def test_the_table_is_sorted_and_each_code_has_one_meaning_in_kebab_case() -> None:
    assert list(RULES) == sorted(RULES)
    assert all(_CODE.fullmatch(code) for code in RULES)
    assert len(set(RULES.values())) == len(RULES)
    assert not any(text.endswith(".") for text in RULES.values())


def test_a_finding_takes_its_code_first() -> None:
    assert Finding._fields[0] == "code"
