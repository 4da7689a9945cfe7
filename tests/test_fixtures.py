"""Every case of `fixtures/v1`, read as a migration reads it, against what was counted by hand."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from codec.errors import FormatError
from codec.patches.diff_stat import diff_stat
from codec.records import PatchRef
from codec.timestamps import is_canonical
from codec.v1.detect import detect
from codec.v1.dialects import Dialects, custom_dialect
from codec.v1.entry import entry_hash, read_entry
from codec.v1.mapping import Mapped, Options, session_of
from codec.v1.split import Span, join, split
from codec.v1.text import LineNumbers
from codec.v2.deltas import delta_of, encode_metrics

FIXTURES = Path(__file__).parents[1] / "fixtures"
V1 = FIXTURES / "v1"
CASES = sorted(path.name for path in V1.iterdir())
LOGS = [name for name in CASES if name != "not-a-log"]


def expected_of(name: str) -> dict[str, Any]:
    expected: dict[str, Any] = json.loads((V1 / name / "expected.json").read_bytes())
    return expected


def dialects_of(name: str, data: bytes) -> Dialects:
    pattern = expected_of(name).get("heading_pattern")
    return custom_dialect(pattern) if pattern else detect(data)


def mapped(data: bytes, span: Span) -> Mapped:
    whole = data[span.start : span.end]
    patch = data[span.patch[0] : span.patch[1]] if span.patch else None
    return session_of(
        read_entry(whole, span, entry_hash(whole)),
        source="log.md",
        patch=None if patch is None else PatchRef.of(patch),
        stat=None if patch is None else diff_stat(patch),
        tokens={},
        options=Options(),
    )


def sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("name", LOGS)
def test_a_log_is_read_as_it_was_by_hand(name: str) -> None:
    data, expected = (V1 / name / "log.md").read_bytes(), expected_of(name)
    spans = list(split(data, dialects_of(name, data)))
    assert join(data, spans) == data
    lines = LineNumbers(data)
    found = []
    for span in spans:
        if span.heading is None:
            continue
        session = mapped(data, span).session
        assert is_canonical(session.time)
        fields: dict[str, Any] = {
            "line": lines.at(span.start),
            "time": session.time,
            "agent": session.agent,
            "task": session.task,
            "status": session.status,
            "metrics": encode_metrics(delta_of(session).metrics),
            "patch": None,
        }
        if session.patch:
            fields["patch"] = {"sha256": session.patch.sha256, "size": session.patch.size}
        if span.unclosed:
            fields["unclosed"] = True
        if span.spare_patches:
            fields["spare_patches"] = span.spare_patches
        found.append(fields)
    assert found == expected["sessions"]


@pytest.mark.parametrize("name", LOGS)
def test_text_outside_of_sessions_is_kept_and_counted(name: str) -> None:
    data, expected = (V1 / name / "log.md").read_bytes(), expected_of(name)
    spans = list(split(data, dialects_of(name, data)))
    first = next(i for i, span in enumerate(spans) if span.heading)
    sections = [i for i, s in enumerate(spans) if s.heading is None and has_text(data, s)]
    assert {
        "sections_before": sum(i < first for i in sections),
        "sections_after": sum(i > first for i in sections),
        "templates": sum(len(span.templates) for span in spans),
    } == {name: expected[name] for name in ("sections_before", "sections_after", "templates")}


def has_text(data: bytes, span: Span) -> bool:
    return bool(data[span.start : span.end].removeprefix(b"\xef\xbb\xbf").strip())


def test_a_readme_is_refused_with_the_known_forms() -> None:
    with pytest.raises(FormatError) as raised:
        detect((V1 / "not-a-log" / "log.md").read_bytes())
    assert raised.value.problem == expected_of("not-a-log")["error"]
    assert "--heading-pattern" in (raised.value.hint or "")


def test_an_entry_is_recognised_unless_it_was_edited() -> None:
    before, later = ((V1 / "edited" / name).read_bytes() for name in ("log.md", "later.md"))

    def entries(data: bytes) -> list[tuple[str, str, str, str]]:
        sessions = [mapped(data, s).session for s in split(data, detect(data)) if s.heading]
        return [(s.v1.sha256 if s.v1 else "", s.time, s.agent, s.task) for s in sessions]

    old, new = entries(before), entries(later)
    assert [entry[1:] for entry in new] == [entry[1:] for entry in old]
    known = {entry[0] for entry in old}
    assert [entry[0] in known for entry in new] == expected_of("edited")["recognised"]


def test_the_readme_states_what_every_fixture_proves() -> None:
    text = (FIXTURES / "README.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `([\w-]+)` \| \S", text, re.M)
    assert sorted(told) == CASES
    for folder in FIXTURES.iterdir():
        if folder.is_dir():
            assert f"`{folder.name}/`" in text
