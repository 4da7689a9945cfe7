"""A commit belongs to the session whose command made it, and to one session at the most."""

from __future__ import annotations

import pytest

from codec.agents.transcript_events import Command
from pipelines.recording.attribution import Attribution, Claimant
from pipelines.recording.reflogs import Move

HERE, THERE = "/repo", "/tree"
NOON = 1_800_000_000
COMMIT = "ab" * 20


def made(at: int = 10, subject: str = "Add a page") -> Move:
    """Return a commit, some seconds after noon."""
    return Move("0" * 40, COMMIT, NOON + at, f"commit: {subject}")


def ran(began: float, ended: float, text: str = "git commit", output: str = "") -> Command:
    """Return a command that ran between some seconds after noon."""
    return Command(int((NOON + began) * 1000), int((NOON + ended) * 1000), text, output)


def session(name: str, *commands: Command, root: str = HERE, told: bool = True) -> Claimant:
    """Return a session that ran for a minute from noon on."""
    since, until = NOON * 1000, (NOON + 60) * 1000
    return Claimant(name, root, since, until, commands if told else None)


def owner(move: Move, *sessions: Claimant, root: str = HERE) -> list[str]:
    """Return the sessions that a commit is attributed to."""
    return [
        own.name
        for own in sessions
        if Attribution(own, [s for s in sessions if s is not own]).is_mine(move, root)
    ]


def test_a_commit_within_one_sessions_command_is_its() -> None:
    a, b = session("a", ran(9, 11)), session("b", ran(20, 21))
    assert owner(made(), a, b) == ["a"]


def test_a_command_that_names_the_subject_wins_over_one_of_the_same_second() -> None:
    a = session("a", ran(10, 10.5, "git commit -qm 'Add a page'"))
    b = session("b", ran(10, 10.4, "git commit -qm 'Fix a page'"))
    assert owner(made(), a, b) == owner(made(), b, a) == ["a"]


def test_a_hash_that_was_printed_wins_over_any_time() -> None:
    printed = ran(40, 41, "make release", f"[main {COMMIT[:7]}] Add a page\n 1 file changed")
    a, b = session("a", printed), session("b", ran(9, 11, "git commit -qm 'Add a page'"))
    assert owner(made(), a, b) == ["a"]


def test_of_an_agent_that_runs_another_the_inner_one_made_the_commit() -> None:
    output = f"[main {COMMIT[:7]}] Add a page\n"
    outer = session("outer", ran(1, 30, "codex exec 'Add a page'", output))
    inner = session("inner", ran(9.5, 10.5, "git commit -m 'Add a page'", output))
    assert owner(made(), outer, inner) == ["inner"]


def test_a_commit_by_hand_is_the_sessions_if_it_was_alone_in_its_worktree() -> None:
    assert owner(made(), session("a", ran(30, 31))) == ["a"]
    assert owner(made(), session("a", ran(30, 31)), session("b", root=THERE)) == ["a"]
    assert owner(made(), session("a", ran(30, 31)), session("b", ran(40, 41))) == []
    assert owner(made(), session("a"), root=THERE) == []


def test_a_session_without_a_transcript_gets_unexplained_commits() -> None:
    blind = session("blind", told=False)
    assert owner(made(), blind, session("b", ran(9, 11))) == ["b"]
    assert owner(made(), blind, session("b", ran(40, 41))) == ["blind"]


@pytest.mark.parametrize("at", [-1, 61])
def test_a_commit_before_or_after_a_session_is_not_its(at: int) -> None:
    assert owner(made(at), session("a")) == []


def test_a_command_without_an_end_was_still_running() -> None:
    killed = ran(9, 9)._replace(ended=0)
    assert owner(made(), session("a", killed), session("b")) == ["a"]


def test_a_session_that_began_in_the_second_in_which_another_ended_is_asked_as_well() -> None:
    ended = session("ended", ran(9.1, 9.2))._replace(until=(NOON + 9) * 1000 + 200)
    begun = session("begun", ran(9.5, 9.6, "git commit -qm 'Add a page'"), root=THERE)
    begun = begun._replace(since=(NOON + 9) * 1000 + 400)
    assert owner(made(9), ended, begun, root=THERE) == ["begun"]


def test_a_commit_in_another_worktree_needs_more_than_the_time() -> None:
    assert owner(made(), session("a", ran(9, 11)), root=THERE) == []
    named = ran(9, 11, "cd /tree && git commit -qm 'Add a page'")
    assert owner(made(), session("a", named), root=THERE) == ["a"]


def test_an_amendment_belongs_to_the_command_that_amends_not_to_a_shorter_one() -> None:
    amended = made()._replace(action="commit (amend): Add a page")
    a = session("a", ran(10.1, 10.3, "git commit -q --amend --no-edit"))
    for other in ("git rebase -q main", "git commit -qm 'Fix a page'", "git status"):
        b = session("b", ran(10.4, 10.5, other))
        assert owner(amended, a, b) == owner(amended, b, a) == ["a"]


def test_of_two_sessions_that_amend_the_one_that_made_the_commit_amended_it() -> None:
    amended = made()._replace(action="commit (amend): Add a page")
    amend = "git commit -q --amend --no-edit"
    a = session("a", ran(5, 6, "git commit -qm 'Add a page'"), ran(10.1, 10.3, amend))
    b = session("b", ran(5, 6, "git commit -qm 'Fix a page'"), ran(10.4, 10.5, amend))
    assert owner(amended, a, b) == owner(amended, b, a) == ["a"]


def test_a_command_elsewhere_that_only_took_long_does_not_hide_who_was_alone() -> None:
    elsewhere = session("b", ran(9, 11, "make test"), root=THERE)
    assert owner(made(), session("a", ran(30, 31)), elsewhere) == ["a"]


def test_a_command_at_home_wins_over_a_shorter_one_elsewhere() -> None:
    a = session("a", ran(10, 10.5, "git commit -F message"))
    b = session("b", ran(10.1, 10.2, "git commit -F message"), root=THERE)
    assert owner(made(), a, b) == ["a"]


@pytest.mark.parametrize("action", ["rebase (pick)", "pull --rebase (pick)", "cherry-pick", "am"])
def test_a_command_that_matches_the_reflog_wins_over_a_commit_command(action: str) -> None:
    move = made()._replace(action=f"{action}: Add a page")
    verb = action.split(" ", maxsplit=1)[0]
    a, b = session("a", ran(10, 10.5, f"git {verb}")), session("b", ran(10.2, 10.3))
    assert owner(move, a, b) == owner(move, b, a) == ["a"]
