"""A block goes into a person's file and out of it, and changes nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.agents.guide_block import (
    BEGIN,
    END,
    GUIDE,
    IMPORT,
    block_state,
    imports_agents,
    with_block,
    without_block,
)
from codec.errors import FormatError
from codec.tokens.tokenizers import counter

FIXTURES: Final = Path(__file__).parents[3] / "fixtures"
PERSONAL = (
    b"",
    b"\n",
    b"\r\n",
    b"a",
    b"a\n",
    b"a\n\n\n",
    b"a\r\nb\r\n",
    b"a\r\nb",
    b"a\r\nb\nc\n",
    b"\xef\xbb\xbf",
    b"\xef\xbb\xbf# Rules\r\n",
    b"caf\xe9 in Windows-1252\n",
    b"```\nan open fence\n",
)


@pytest.mark.parametrize("before", PERSONAL)
def test_taking_the_block_out_restores_every_byte(before: bytes) -> None:
    after = with_block(before, GUIDE)
    assert after.startswith(before)
    assert block_state(after, GUIDE) == "current"
    assert with_block(after, GUIDE) == after
    assert without_block(after) == before


@given(st.binary().filter(lambda data: BEGIN not in data and END not in data))
def test_taking_the_block_out_of_anything_restores_every_byte(before: bytes) -> None:
    after = with_block(before, GUIDE)
    assert without_block(after) == before


def test_a_file_that_was_made_for_the_block_is_deleted_with_it() -> None:
    assert without_block(with_block(None, GUIDE)) is None
    assert without_block(with_block(None, GUIDE) + b"\nmine\n") == b"\nmine\n"


def test_text_of_a_user_around_the_block_stays_when_the_block_is_removed() -> None:
    with_mine = b"before\n" + with_block(b"a\n", GUIDE) + b"after"
    assert without_block(with_mine) == b"before\na\nafter"


def test_a_block_has_the_line_ends_of_its_file() -> None:
    added = with_block(b"a\r\nb\r\n", GUIDE).removeprefix(b"a\r\nb\r\n")
    assert added.count(b"\n") == added.count(b"\r\n") == 5


def test_an_older_block_is_renewed_in_place() -> None:
    older = with_block(b"a\r\n", IMPORT) + b"mine\r\n"
    assert block_state(older, GUIDE) == "older"
    assert with_block(older, GUIDE) == with_block(b"a\r\n", GUIDE) + b"mine\r\n"


def test_a_block_that_a_user_edited_is_not_changed() -> None:
    edited = with_block(b"a\n", GUIDE).replace(b"Project", b"Our")
    assert block_state(edited, GUIDE) == "edited"
    assert with_block(edited, GUIDE) == edited


@pytest.mark.parametrize(
    ("data", "missing"),
    [(b"\n" + BEGIN + b"\n", "end"), (END, "begin"), (b"\n" + END + BEGIN, "begin")],
)
def test_a_mark_without_its_counterpart_is_reported_with_its_line(
    data: bytes, missing: str
) -> None:
    with pytest.raises(FormatError, match=missing) as e:
        with_block(data, GUIDE)
    assert e.value.line == data.count(b"\n", 0, data.rfind(b"<!--")) + 1
    with pytest.raises(FormatError, match=missing):
        without_block(data)


@pytest.mark.parametrize("line", [b"@AGENTS.md", b"See @./AGENTS.md.", b"- @AGENTS.md for all"])
def test_an_import_of_agents_is_seen(line: bytes) -> None:
    assert imports_agents(b"# Rules\n" + line + b"\n")


@pytest.mark.parametrize(
    "line", [b"AGENTS.md", b"`@AGENTS.md`", b"me@AGENTS.md", b"@docs/AGENTS.md", b"@AGENTS.mdx"]
)
def test_a_line_that_only_resembles_an_import_of_agents_md_is_not_one(line: bytes) -> None:
    assert not imports_agents(line)


def test_the_guide_block_stays_within_its_token_limit() -> None:
    assert counter("o200k_base").count([with_block(None, GUIDE).decode()])[0] <= 110


def test_the_block_of_0_1_0_is_renewed_and_taken_out() -> None:
    former = (FIXTURES / "workspaces" / "0.1.0" / "AGENTS.md").read_bytes()
    assert block_state(former, GUIDE) == "older"
    assert block_state(with_block(former, GUIDE), GUIDE) == "current"
    assert without_block(former) == without_block(with_block(former, GUIDE))


@pytest.mark.parametrize("verb", ["context", "find", "why", "brief", "show", "query", "record"])
def test_the_block_names_the_verbs_that_spare_an_agent_the_files(verb: str) -> None:
    assert re.search(rf"[ `]{verb}\b", GUIDE)
