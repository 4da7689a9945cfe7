"""What an agent reads: within its budget, and back to the same deltas."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import pytest

from codec.errors import FormatError
from codec.kinds import Key
from codec.records import Metrics, Status
from codec.shown_text import FRAME
from codec.tokens.tokenizers import TOKENIZERS, counter
from codec.v2.compact_view import decode_view, encode_view
from codec.v2.context_view import RESERVE, STYLES, Context, Style, digest, render_context
from codec.v2.deltas import Delta, encode_delta


def delta(
    key: str,
    agent: str = "human",
    task: str = "a-task",
    status: Status = "PASS",
    added: int | None = None,
    removed: int | None = None,
    commits: int | None = None,
    minutes: int | None = None,
    deployment: str | None = None,
) -> Delta:
    return Delta(
        key=Key(key),
        agent=agent,
        task=task,
        status=status,
        metrics=Metrics(
            lines_added=added,
            lines_removed=removed,
            commits=commits,
            duration_min=minutes,
            deployment=deployment,
        ),
    )


DELTAS = [
    delta("2025-11-06T14:00:00Z", "sonnet-4.5", "coverage-validation", "PASS", 1247, 89, 11, 30),
    delta("2025-11-06T14:19:00Z", "human", "warp-ui-baseline", "FAIL", 324, 45, 1),
    delta("2025-11-07T09:00:00Z", "sonnet-4.5", "docs", "PARTIAL", 5, 0, 1),
    delta("2025-12-01", "sonnet-4.5", "-", "UNKNOWN", None, None, 1),
    delta("2026-01-02T00:00:00Z.0123ab", "sonnet-4.5", "new-year", "PASS", 0, 7),
]
VIEW = """\
sonnet-4.5=s !FAIL ?PARTIAL ~UNKNOWN +added-removed cN commits else c1 tN min
2025-11-06
140000 s coverage validation +1247-89c11t30
141900 human! warp ui baseline +324-45
-07
090000 s? docs +5
12-01
- s~ -
2026-01-02
000000 s new year +0-7c-
"""


def words(text: str) -> int:
    """Count tokens by a rule that a reader can check by hand."""
    return len(text.split())


def test_the_view_is_as_it_is_specified() -> None:
    assert encode_view(DELTAS) == VIEW
    assert decode_view(VIEW, DELTAS) == DELTAS


def test_a_view_of_no_sessions_is_empty() -> None:
    assert encode_view([]) == ""
    assert decode_view("") == []


@pytest.mark.parametrize(
    "hard",
    [
        delta("2025-11-06", task="two words"),
        delta("2025-11-06", task="a-+5"),
        delta("2025-11-06", agent="odd agent"),
        delta("2025-11-06", agent="odd!"),
        delta("2025-11-06", deployment="vercel"),
    ],
)
def test_an_entry_that_the_view_cannot_express_is_its_delta_line(hard: Delta) -> None:
    deltas = [DELTAS[0], hard, DELTAS[2]]
    text = encode_view(deltas)
    assert encode_delta(hard) in text.splitlines()
    assert decode_view(text, deltas) == deltas


@pytest.mark.parametrize("task", ["+5", "c3", "t3", "a--b", "-a", "a-", "2025-11-06", "-07"])
@pytest.mark.parametrize("agent", ["s", "sonnet-4.5", "-", "=", "a=b", "c1"])
def test_odd_names_are_not_taken_for_signs_of_the_view(agent: str, task: str) -> None:
    deltas = [DELTAS[0], delta("2025-11-06", agent, task), DELTAS[2]]
    assert decode_view(encode_view(deltas), deltas) == deltas


def test_two_agents_never_share_a_letter() -> None:
    names = [f"agent-{n}" for n in range(60)] + ["a", "g", "e"]
    deltas = [delta("2025-11-06", agent=name) for name in names for _ in range(2)]
    legend = encode_view(deltas).splitlines()[0]
    letters = [word.split("=")[1] for word in legend.split() if "=" in word]
    assert len(set(letters)) == len(letters) > 40
    assert decode_view(encode_view(deltas), deltas) == deltas


def test_a_letter_is_never_the_name_of_another_agent() -> None:
    deltas = [delta("2025-11-06", agent=a) for a in ("sonnet", "sonnet", "s", "o")]
    assert decode_view(encode_view(deltas), deltas) == deltas


def test_the_legend_explains_only_what_is_used() -> None:
    assert encode_view([delta("2025-11-06")]).splitlines()[0] == "sessions"
    assert encode_view([delta("2025-11-06", minutes=5)]).splitlines()[0] == "tN min"


@pytest.mark.parametrize(
    "text",
    [
        "sessions\nnonsense\n",
        "sessions\n140000 s a\n",
        "sessions\n-07\n140000 s a\n",
        "sessions\n2025-11-06\n14000 s a\n",
        "sessions\n\n",
    ],
)
def test_a_view_that_is_invalid_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        decode_view(text)


@pytest.mark.parametrize(
    ("deltas", "line"),
    [
        (DELTAS[:1], "1 session 2025-11-06: 1 PASS +1247-89\n"),
        (
            DELTAS,
            "5 sessions 2025-11-06 to 2026-01-02: 2 PASS 1 FAIL 1 PARTIAL 1 UNKNOWN +1576-141\n",
        ),
    ],
)
def test_a_digest_sums_up_the_omitted_sessions(deltas: Sequence[Delta], line: str) -> None:
    assert digest(deltas) == line


@pytest.mark.parametrize(
    ("metrics", "end"),
    [({}, "1 PASS\n"), ({"added": 3}, "1 PASS +3\n"), ({"added": 0, "removed": 0}, "+0-0\n")],
)
def test_a_digest_has_no_figures_that_are_not_known(metrics: dict[str, int], end: str) -> None:
    assert digest([delta("2025-11-06", **metrics)]).endswith(end)  # type: ignore[arg-type]


def test_the_suffix_of_a_key_is_not_shown_and_is_found_again() -> None:
    same = [delta(f"2025-11-06{s}", task="sweep") for s in ("", ".0123ab", ".4567cd")]
    text = encode_view(same)
    assert "0123ab" not in text
    assert decode_view(text, same) == same
    assert {d.key for d in decode_view(text)} == {"2025-11-06"}


# The context

REFERENCES = "stack: {language: Python}\nmandates: [be kind]\n"
MANY = [delta(f"2025-11-{day:02}T10:00:00Z", task=f"task-{day}", added=1) for day in range(1, 31)]


def context(budget: int | None, style: Style = "compact", references: str = REFERENCES) -> Context:
    return render_context(references, MANY, count=words, budget=budget, style=style)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("budget", [*range(0, 200, 7), 1000])
def test_a_context_never_costs_more_than_its_budget_and_states_its_cost(
    budget: int, style: Style
) -> None:
    found = context(budget, style)
    assert found.tokens == words(found.text) <= budget


@pytest.mark.parametrize("style", ["compact", "lines"])
@pytest.mark.parametrize("budget", range(20, 200, 7))
def test_no_session_is_put_into_the_reserve_of_the_budget(budget: int, style: Style) -> None:
    found = context(budget, style)
    assert found.shown == 0 or found.tokens <= budget - budget // RESERVE


@pytest.mark.parametrize("style", ["compact", "lines"])
def test_a_larger_budget_never_shows_less(style: Style) -> None:
    shown = [context(budget, style).shown for budget in range(0, 350, 5)]
    assert shown == sorted(shown)
    assert shown[-1] == 30


def test_without_a_budget_all_sessions_are_shown_in_full() -> None:
    found = context(None)
    assert (found.shown, found.summed, found.references) == (30, 0, True)
    assert found.text == f"{FRAME}\n{REFERENCES}\n{encode_view(MANY)}"
    assert context(None, "lines").text.endswith("".join(f"{encode_delta(d)}\n" for d in MANY))


def test_the_oldest_sessions_are_summed_up_if_they_do_not_fit() -> None:
    found = context(60)
    assert 0 < found.shown < 30
    assert found.summed == 30 - found.shown
    assert found.text.endswith(f"earlier: {digest(MANY[: found.summed])}")
    assert encode_view(MANY[found.summed :]) in found.text


def test_the_newest_sessions_are_shown_in_whatever_order_they_come() -> None:
    backwards = render_context(REFERENCES, MANY[::-1], count=words, budget=60)
    assert backwards == context(60)


def test_sessions_beyond_the_last_ones_are_summed_up_too() -> None:
    found = render_context(REFERENCES, MANY, count=words, budget=1000, last=10)
    assert (found.shown, found.summed) == (10, 20)
    assert found.text.endswith(f"earlier: {digest(MANY[:20])}")


IDLE = delta("2025-11-15T12:00:00Z", task="just-asking", status="UNKNOWN", commits=0, minutes=3)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("budget", [200, 1000, None])
def test_a_session_that_did_nothing_is_only_counted(budget: int | None, style: Style) -> None:
    found = render_context("", [IDLE, *MANY], count=words, budget=budget, style=style)
    assert "just" not in found.text
    assert found.shown + found.summed == (30 if budget is None else 31)
    assert ("1 UNKNOWN" in found.text) == (budget is not None)


def test_sessions_that_did_nothing_take_no_place_of_others() -> None:
    later = [IDLE._replace(key=Key(f"2025-12-{day:02}T10:00:00Z")) for day in range(1, 31)]
    found = render_context("", [*MANY, *later], count=words, budget=1000, last=30)
    assert found.shown == 30
    assert found.text == f"{FRAME}\n{encode_view(MANY)}left out: {digest(later)}"


@pytest.mark.parametrize(
    "did",
    [
        IDLE._replace(status="PASS"),
        delta(IDLE.key, status="UNKNOWN", commits=0, added=0, removed=0),
        delta(IDLE.key, status="UNKNOWN", commits=0, deployment="vercel"),
        delta(IDLE.key, status="UNKNOWN", commits=1),
        delta(IDLE.key, status="UNKNOWN"),
    ],
)
def test_a_session_that_did_something_or_of_which_nothing_is_known_is_shown(did: Delta) -> None:
    assert render_context("", [did], count=words).shown == 1


def test_a_digest_alone_shows_no_session() -> None:
    found = context(1000, "digest")
    assert (found.shown, found.summed) == (0, 30)
    assert found.text.endswith(f"left out: {digest(MANY)}")


def test_references_over_the_budget_are_left_out_and_that_is_said() -> None:
    found = context(60, references="word " * 61)
    assert not found.references
    assert "PROJECT_REFERENCES.yaml is over the budget" in found.text
    assert found.shown > 0


def test_references_are_shown_alone_if_nothing_else_fits() -> None:
    alone = f"{FRAME}\n{REFERENCES}"
    found = context(words(alone))
    assert (found.text, found.shown, found.references) == (alone, 0, True)
    assert context(words(alone) - 1).text == ""


def test_a_context_begins_with_one_cheap_line_that_marks_it_as_data() -> None:
    for name in TOKENIZERS:
        assert counter(name).count([f"{FRAME}\n"]) == [8]
    for style in STYLES:
        assert context(200, style).text.startswith(f"{FRAME}\n")


def test_a_view_is_read_back_with_the_line_that_frames_it() -> None:
    found = render_context("", DELTAS, count=words, budget=None)
    assert found.text == f"{FRAME}\n{VIEW}"
    assert decode_view(found.text, DELTAS) == DELTAS


def test_format_characters_are_not_shown_to_an_agent() -> None:
    hidden = delta("2025-11-06", task="fix-\u202elogin\u200b", agent="a\u2066b")
    found = render_context("rule: say \u202eyes\U000e0041\n", [hidden], count=words, budget=None)
    assert "fix login" in found.text
    assert "say yes\n" in found.text
    assert not any(unicodedata.category(c) == "Cf" for c in found.text)
    assert decode_view(encode_view([hidden])) == [hidden]


def test_an_empty_workspace_has_an_empty_context() -> None:
    found = render_context("", [], count=words)
    assert found == Context(text="", tokens=0, shown=0, summed=0, references=False)


def test_lines_that_do_not_fit_are_left_out_of_a_digest() -> None:
    lines = "a line behind the sessions\n" * 20
    found = render_context("", MANY, count=words, budget=60, style="digest", lines=lines)
    assert (found.shown, found.summed) == (0, len(MANY))
    assert found.text == render_context("", MANY, count=words, budget=60, style="digest").text


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("spare", [0, 1])
def test_lines_that_fit_are_the_last_ones_to_the_last_token(style: Style, spare: int) -> None:
    lines = "summary: all is well\n"
    whole = render_context("", MANY[:2], count=words, budget=1000, style=style, lines=lines)
    assert whole.text.endswith(lines)
    least = render_context("", MANY[:2], count=words, budget=1000, style="digest", lines=lines)
    exact = least.tokens - spare
    found = render_context("", MANY[:2], count=words, budget=exact, style="digest", lines=lines)
    assert found.text.endswith(lines) == (spare == 0)
