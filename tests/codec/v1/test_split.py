"""A log is cut where its sessions begin, and no byte of it is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from codec.errors import FormatError
from codec.v1.detect import detect
from codec.v1.dialects import Dialects, Marker, custom_dialect
from codec.v1.fences import Events
from codec.v1.forms import FORMS, LINE_LIMIT, Form
from codec.v1.heading import Heading
from codec.v1.split import Span, join, split
from codec.v1.text import LineNumbers

HEADINGS = Dialects(marker=Marker.HEADING, level=3, forms=FORMS)
ONE = "### 2025-11-06T14:00:00Z | human | one\n"
TWO = "### 2025-11-06T15:00:00Z | human | two\n"
PATCH = "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n+y\n"


def spans_of(log: str | bytes, dialects: Dialects = HEADINGS) -> list[Span]:
    data = log.encode() if isinstance(log, str) else log
    spans = list(split(data, dialects))
    assert join(data, spans) == data
    return spans


def sessions_of(log: str | bytes, dialects: Dialects = HEADINGS) -> list[Span]:
    return [span for span in spans_of(log, dialects) if span.heading]


def tasks_of(log: str, dialects: Dialects = HEADINGS) -> list[str]:
    return [span.heading.task for span in spans_of(log, dialects) if span.heading]


def patch_of(log: str) -> str | None:
    """Return the patch of the first session."""
    span = sessions_of(log)[0]
    return None if span.patch is None else log.encode()[slice(*span.patch)].decode()


# Sessions


def test_an_empty_log_has_no_span() -> None:
    assert spans_of("") == []


def test_a_log_without_a_session_is_one_span() -> None:
    assert spans_of("some\ntext") == [Span(start=0, end=9)]


def test_a_session_ends_at_the_next_session_or_at_the_end() -> None:
    spans = spans_of(f"intro\n{ONE}text\n{TWO}end")
    assert [(s.start, s.heading.task if s.heading else None) for s in spans] == [
        (0, None),
        (6, "one"),
        (6 + len(ONE) + 5, "two"),
    ]


def test_a_heading_of_a_higher_level_ends_a_session_and_others_do_not() -> None:
    spans = spans_of(f"{ONE}### Notes\n#### More\n## Rules\nx\n# Top\n{TWO}")
    headings = [s.heading.task if s.heading else "" for s in spans]
    assert headings == ["one", "", "", "two"]
    assert spans[1].start == len(f"{ONE}### Notes\n#### More\n")


@pytest.mark.parametrize("marks", ["##", "####"])
def test_a_dated_heading_of_another_level_is_not_a_session(marks: str) -> None:
    assert tasks_of(f"{ONE}{marks}{TWO[3:]}") == ["one"]


@pytest.mark.parametrize("before", [" ", "> ", "\t", "x "])
def test_a_heading_that_is_not_at_column_0_is_text(before: str) -> None:
    assert tasks_of(f"{ONE}{before}{TWO}") == ["one"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_heading_needs_no_line_end_and_none_belongs_to_its_task(end: str) -> None:
    assert tasks_of(ONE.replace("\n", end) + TWO.rstrip("\n")) == ["one", "two"]


def test_a_byte_order_mark_hides_no_session_and_is_kept() -> None:
    data = b"\xef\xbb\xbf" + ONE.encode()
    spans = spans_of(data)
    assert [s.start for s in spans] == [0, 3]
    assert spans[1].heading is not None


def test_windows_1252_and_nul_bytes_hide_no_session() -> None:
    data = b"\x00\n### 2025-11-06 | human | na\xefve \x00\n\xff\n"
    assert [s.heading.task for s in sessions_of(data) if s.heading] == ["naïve \x00"]


@pytest.mark.parametrize(
    "template",
    ["### [timestamp] | [agent] | [slug]", "### YYYY-MM-DD | agent | slug", "### <time> | a | b"],
)
def test_a_template_is_noted_and_is_never_a_session(template: str) -> None:
    for log in (f"{ONE}{template}\n", f"{ONE}```markdown\n{template}\n```\n"):
        spans = spans_of(log)
        assert [len(s.templates) for s in spans] == [1]
        assert log.encode()[spans[0].templates[0] :].startswith(template.encode())


@pytest.mark.parametrize("date", ["2025-11", "2025-11-0x", "25-11-06", "2025/11"])
def test_a_heading_with_a_broken_date_is_noted_with_its_line(date: str) -> None:
    log = f"{ONE}### {date} | human | broken\n"
    assert [at for s in spans_of(log) for at in s.suspects] == [(len(ONE), "unreadable")]


@pytest.mark.parametrize(
    ("marker", "log"),
    [
        (Marker.BOLD, "# Log\n**2025-11-06** - one\ntext\n**2025-11-07** - two\n# End\n"),
        (Marker.BULLET, "# Log\n- 2025-11-06 - one\n  text\n* 2025-11-07: two\n# End\n"),
    ],
)
def test_sessions_that_are_not_headings_end_at_any_heading(marker: Marker, log: str) -> None:
    dialects = Dialects(marker=marker, level=7, forms=FORMS)
    assert tasks_of(log, dialects) == ["one", "two"]
    assert [s.heading is None for s in spans_of(log, dialects)] == [True, False, False, True]


def test_a_date_field_below_a_heading_makes_it_a_session() -> None:
    dialects = Dialects(marker=Marker.FIELD, level=2, forms=FORMS)
    log = "## One\n\nDate: 2025-11-06\n## Two\nx\n## Three\n- **Date:** 2025-11-07\n"
    assert tasks_of(log, dialects) == ["One", "Three"]


def test_a_pattern_of_the_user_finds_its_sessions() -> None:
    dialects = custom_dialect(r"=+ (?P<time>\S+) =+ (?P<task>.*)")
    assert tasks_of("== 2025-11-06 == one\nx\n=== 2025-11-07 == two\n# End", dialects) == [
        "one",
        "two",
    ]


# Fences


@pytest.mark.parametrize(
    ("open_", "close"),
    [
        ("```", "```"),
        ("```text", "`````"),
        ("~~~", "~~~~"),
        ("   ```", "```"),
        ("````", "   ````"),
        ("```markdown", "```"),
        ("~~~ ` is fine here", "~~~"),
    ],
)
def test_a_heading_in_a_closed_fence_is_a_quoted_example(open_: str, close: str) -> None:
    assert tasks_of(f"{ONE}{open_}\nx\n{TWO}{close}\n") == ["one"]


@pytest.mark.parametrize(
    ("open_", "close"),
    [
        ("```", ""),
        ("```", "``"),
        ("````", "```"),
        ("```", "~~~"),
        ("    ```", "```"),
        ("``", "``"),
        ("``` a`b", "```"),
        ("x```", "x```"),
    ],
)
def test_a_fence_that_never_closes_hides_no_session(open_: str, close: str) -> None:
    assert tasks_of(f"{ONE}{open_}\nx\n{TWO}{close}\n") == ["one", "two"]


def test_a_stray_fence_hides_no_session_before_the_next_block() -> None:
    log = f"{ONE}x\n```\n\n{TWO}Summary:\n```\nstat\n```\n"
    assert tasks_of(log) == ["one", "two"]


def test_a_quoted_template_may_hold_a_fence_of_its_own() -> None:
    log = f"{ONE}```markdown\n### [time] | [a] | [b]\n```diff\n[diff]\n```\nNotes:\n```\n{TWO}"
    assert tasks_of(log) == ["one", "two"]
    assert patch_of(log) is None


# Patches


@pytest.mark.parametrize(
    ("open_", "close"),
    [
        ("```diff", "```"),
        ("```DIFF", "```  "),
        ("``` patch", "````"),
        ("````diff", "````"),
        ("~~~diff", "~~~"),
        ("```diff title", "```"),
        ("```", "```"),
        ("~~~~", "~~~~~"),
    ],
)
def test_a_patch_is_the_exact_bytes_between_its_fences(open_: str, close: str) -> None:
    assert patch_of(f"{ONE}{open_}\n{PATCH}{close}\nNotes: x\n{TWO}") == PATCH


@pytest.mark.parametrize(
    "first", ["diff --cc a", "diff --combined a", "Index: a", "diff --git a b"]
)
def test_the_first_line_identifies_a_patch_in_a_plain_fence(first: str) -> None:
    assert patch_of(f"{ONE}```\n{first}\n+x\n```\n") == f"{first}\n+x\n"


def test_a_plain_fence_of_anything_else_is_not_a_patch() -> None:
    assert patch_of(f"{ONE}```\n a | 3 +\n```\n") is None


@pytest.mark.parametrize("line", [" ```python", " ```", "+```", "-~~~", "  ```diff", " ~~~"])
def test_a_fence_line_inside_a_patch_closes_only_at_column_0(line: str) -> None:
    patch = f"{PATCH}{line}\n x\n{line}\n"
    assert patch_of(f"{ONE}```diff\n{patch}```\n{TWO}") == patch


@pytest.mark.parametrize("line", ["``", "~~~", "```x"])
def test_another_mark_or_a_shorter_or_marked_one_does_not_close_a_patch(line: str) -> None:
    patch = f"{PATCH}{line}\n+more\n"
    assert patch_of(f"{ONE}```diff\n{patch}```\n{TWO}") == patch


def test_a_session_heading_in_a_patch_shows_that_its_fence_was_never_closed() -> None:
    log = f"{ONE}```diff\n{PATCH}\n{TWO}```diff\n{PATCH}```\n"
    first, second = sessions_of(log)
    assert first.unclosed
    assert log.encode()[slice(*(first.patch or ()))].decode() == PATCH
    assert not second.unclosed
    assert log.encode()[slice(*(second.patch or ()))].decode() == PATCH


def test_a_quoted_heading_in_the_lines_of_a_patch_is_content() -> None:
    patch = f"{PATCH}+{TWO} {TWO}"
    assert patch_of(f"{ONE}```diff\n{patch}```\n") == patch


def test_a_patch_that_the_end_of_the_log_cuts_ends_there() -> None:
    log = f"{ONE}```diff\n{PATCH}+cut"
    span = sessions_of(log)[0]
    assert span.unclosed
    assert span.patch == (len(f"{ONE}```diff\n"), len(log))


def test_an_unclosed_patch_does_not_swallow_the_prose_below() -> None:
    assert patch_of(f"{ONE}```diff\n{PATCH}\nNotes: after\n") == PATCH


def test_an_empty_patch_does_not_count() -> None:
    assert patch_of(f"{ONE}```diff\n```\n") is None


def test_the_first_patch_after_full_diff_is_the_sessions() -> None:
    other = PATCH.replace("+y", "+z")
    log = f"{ONE}```diff\n{other}```\n**Full Diff:**\n```diff\n{PATCH}```\n```diff\n{other}```\n"
    assert patch_of(log) == PATCH
    assert sessions_of(log)[0].spare_patches == 2


def test_without_full_diff_the_first_patch_is_the_sessions() -> None:
    other = PATCH.replace("+y", "+z")
    assert patch_of(f"{ONE}```diff\n{PATCH}```\n```diff\n{other}```\n") == PATCH


def test_full_diff_inside_a_patch_is_content() -> None:
    patch = f"{PATCH} Full Diff:\n"
    log = f"{ONE}```diff\n{patch}```\n```diff\n+z\n```\n"
    assert patch_of(log) == patch


def test_a_patch_outside_any_session_belongs_to_none() -> None:
    spans = spans_of(f"# Log\n```diff\n{PATCH}```\n{ONE}")
    assert [span.patch for span in spans] == [None, None]


# Line numbers


def test_line_numbers_count_from_one_and_cross_blocks() -> None:
    data = b"a\n" * 700_000
    lines = LineNumbers(data)
    assert [lines.at(at) for at in (0, 1, 2, 1_000_001, 1_399_999)] == [1, 1, 2, 500_001, 700_000]


# Time

HEADING = ONE.encode()
HOSTILE: dict[str, Callable[[int], bytes]] = {
    "patches": lambda n: b"```diff\n" * n,
    "quotes": lambda n: b"```md\n" * n,
    "marked": lambda n: b"```bash\n" * n,
    "plain": lambda n: b"```\n" * n,
    "both marks": lambda n: b"```diff\n~~~diff\n" * n,
    "quotes of both marks": lambda n: b"```md\n~~~md\n" * n,
    "all kinds": lambda n: b"```diff\n```md\n```bash\n~~~\n" * n,
    "heading and patch": lambda n: (HEADING + b"```diff\n") * n,
    "heading and quote": lambda n: (HEADING + b"```md\n") * n,
    "heading and marked": lambda n: (HEADING + b"```bash\n") * n,
    "heading and plain": lambda n: (HEADING + b"```\n") * n,
    "marked, heading, marked": lambda n: b"```bash\n" * n + HEADING + b"```bash\n",
    "longer and longer": lambda n: b"".join(b"`" * (3 + i % 9) + b"bash\n" for i in range(n)),
    "shorter and shorter": lambda n: b"".join(b"`" * (11 - i % 9) + b"diff\n" for i in range(n)),
    "two lengths, heading": lambda n: b"```bash\n````bash\n" * n + HEADING + b"```sh\n````sh\n",
    "many lengths, then short": lambda n: (
        b"".join(b"`" * i + b"sh\n" for i in range(int(n**0.5) + 3, 2, -1)) + b"```sh\n" * n
    ),
    "headings": lambda n: HEADING * n,
    "indented": lambda n: b"```diff\n" + b"   ```\n" * n + HEADING,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_work_of_a_split_grows_with_its_input_and_no_faster(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    fence_at, session_heading = Events.fence, Events.session_heading

    def counted_fence(self: Events, i: int) -> object:
        nonlocal calls
        calls += 1
        return fence_at(self, i)

    def counted_heading(self: Events, i: int) -> Heading | None:
        nonlocal calls
        calls += 1
        return session_heading(self, i)

    monkeypatch.setattr(Events, "fence", counted_fence)
    monkeypatch.setattr(Events, "session_heading", counted_heading)

    def work(n: int) -> int:
        nonlocal calls
        calls = 0
        data = HOSTILE[name](n)
        assert join(data, split(data, HEADINGS)) == data
        return calls

    small = work(1500)
    assert small > 0
    assert work(3000) <= 2.5 * small


@pytest.mark.parametrize(
    "line",
    [
        b"# 2025-11-06x" + b" " * 200_000 + b"b - " * 50_000,
        b"# x (agent:" + b" " * 200_000 + b"\nDate: 2025-11-06",
        b"# x " + b"(agent: " * 50_000 + b"\nDate: 2025-11-06",
        b"**2025-11-06 " + b"- " * 100_000 + b"**",
        b"2025-11-06 -" + b" -" * 100_000 + b"\n2025-11-06 x",
    ],
)
def test_of_a_hostile_heading_line_only_the_beginning_is_matched(
    line: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = 0
    match = Form.match

    def measured(self: Form, text: str) -> object:
        nonlocal longest
        longest = max(longest, len(text))
        return match(self, text)

    monkeypatch.setattr(Form, "match", measured)
    try:
        dialects = detect(line)
    except FormatError:
        dialects = HEADINGS
    assert join(line, split(line, dialects)) == line
    assert longest <= LINE_LIMIT
