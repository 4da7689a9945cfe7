"""Only distinctive lines match a session to a commit, and no line is given to two."""

from __future__ import annotations

import pytest

from codec.kinds import Key
from codec.patches.changes import FileChange, Line
from codec.records import FromTranscript, Session
from pipelines.search.evidence.file_history import Blamed, Step
from pipelines.search.evidence.grades import of_file, of_line, of_new_line
from pipelines.search.evidence.hunks import Candidate, Hunks, has_words
from pipelines.search.evidence.recorded import Recorded


def change(*texts: str) -> FileChange:
    lines = tuple(Line("+", n, text.encode()) for n, text in enumerate(texts, 1))
    return FileChange("f", "f", "", "", lines, range(0))


def session(name: str, *commits: str) -> Session:
    time = "2020-01-01T00:00:00Z"
    made = FromTranscript("claude", name, time, commits=commits) if commits else None
    return Session(Key(f"{time}.{name * 6}"), time, "human", name, "PASS", transcript=made)


def hunks(sessions: dict[str, list[str]], commits: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return the commits that each session is matched to."""
    found = [Candidate(session(name), change(*texts)) for name, texts in sessions.items()]
    history = [Step(commit, 0, change(*texts)) for commit, texts in commits.items()]
    lines = Hunks(found, history)
    return {c.session.task: lines.commits(c.session.key) for c in found}


TRIVIAL = ["}", "", "  return None", "else:", "\tend", "</div>", "});", "return 0;", "*/", "1, 2"]


@pytest.mark.parametrize("text", TRIVIAL)
def test_a_trivial_line_is_not_evidence(text: str) -> None:
    assert not has_words(text.encode())
    assert hunks({"a": [text]}, {"c": [text]}) == {"a": []}
    assert hunks({"a": [text, "alpha"]}, {"c": [text, "beta"]}) == {"a": []}


@pytest.mark.parametrize("text", ["alpha", "x = load()", "登录", "  <p>Привет</p>", "user_id,"])
def test_a_line_with_a_word_is_evidence(text: str) -> None:
    assert hunks({"a": [text]}, {"c": [text]}) == {"a": ["c"]}


def test_a_line_that_others_add_too_is_not_evidence() -> None:
    assert hunks({"a": ["alpha"], "b": ["alpha"]}, {"c": ["alpha"]}) == {"a": [], "b": []}
    assert hunks({"a": ["alpha"]}, {"c": ["alpha"], "d": ["alpha"]}) == {"a": []}


def test_a_dropped_session_of_which_little_was_written_again_is_not_matched() -> None:
    mine = ["import json", "first call", "second call", "third call"]
    assert hunks({"a": mine}, {"c": ["import json", "another call"]}) == {"a": []}


def test_every_commit_of_a_session_is_matched_however_the_lines_are_shared_out() -> None:
    mine = ["alpha", "beta", "gamma", "delta", "epsilon"]
    commits = {"c": ["gamma", "delta", "epsilon"], "d": ["beta"], "e": ["alpha", "other"]}
    assert hunks({"a": mine}, commits) == {"a": ["c", "d"]}


def grades(found: list[Candidate], commit: Step, text: str) -> dict[str, str]:
    recorded = Recorded([c.session for c in found], {commit.commit: []}, commit.commit)
    line = Blamed(commit.commit, 1, text.encode())
    return {e.session.task: e.grade for e in of_line(found, [commit], recorded, line)}


def test_a_brace_is_a_guess() -> None:
    found = [
        Candidate(session("a"), change("alpha", "}")),
        Candidate(session("b"), change("beta", "gamma", "}")),
    ]
    squash = Step("c" * 40, 0, change("alpha", "}", "beta", "gamma"))
    assert grades(found, squash, "beta") == {"b": "hunk"}
    assert grades(found, squash, "}") == {"a": "time", "b": "time"}
    rebased = Step("d" * 40, 0, change("alpha", "}"))
    assert grades(found, rebased, "alpha") == {"a": "hunk"}
    assert grades(found, rebased, "}") == {"a": "time"}


def test_a_line_that_is_not_committed_is_a_guess_if_it_is_not_distinctive() -> None:
    found = [Candidate(session("a"), change("alpha", "}"))]
    history = [Step("c" * 40, 0, change("beta", "}"))]
    recorded = Recorded([c.session for c in found], {"c" * 40: []}, "c" * 40)

    def grade(text: str) -> list[str]:
        return [e.grade for e in of_new_line(found, history, recorded, text.encode())]

    assert grade("alpha") == ["hunk"]
    assert grade("}") == ["time"]
    assert grade("delta") == []


def test_commits_that_a_transcript_shows_are_the_session_s() -> None:
    commit, other = "ab" * 20, "cd" * 20
    sessions = [session("a", commit[:7]), session("b", "ab"), session("c", "f" * 7, "--all")]
    recorded = Recorded(sessions, {commit: [other], other: []}, commit)
    assert [s.task for s in recorded.of(commit)] == ["a"]
    assert recorded.of(other) == ()
    assert recorded.in_head == {sessions[0].key}
    (found,) = of_file([], [Step(commit, 0, change("alpha"))], recorded)
    assert (found.session.task, found.grade) == ("a", "commit")


def test_an_abbreviation_that_two_commits_have_is_of_neither() -> None:
    one, other = "ab" * 20, "ab" * 19 + "ff"
    recorded = Recorded([session("a", "ab" * 4)], {one: [other], other: []}, one)
    assert recorded.of(one) == recorded.of(other) == ()
