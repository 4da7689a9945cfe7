"""Goal, corrections and tests are found in transcripts of both agents, in several languages."""

from __future__ import annotations

from typing import Any

import pytest

from codec.agents.recollections import Recollection, correction_in, recollect
from codec.agents.suite_runs import SuiteRun
from codec.agents.transcript_events import Prompt, Transcript
from tests.codec.agents.test_transcript_events import CODEX, NEVER, needs_samples, of, read

ME = "00000000-0000-0000-0000-000000000001"


def asked(*texts: str) -> Recollection:
    prompts = tuple(Prompt(n, text) for n, text in enumerate(texts, 1))
    return recollect(Transcript(prompts=prompts), (), 0, NEVER)


@pytest.mark.parametrize(
    "text",
    [
        "No, use Redis instead",
        "don't touch migrations/",
        "stop",
        "that's wrong",
        "Use pnpm, not npm",
        "Please undo that",
        "You must keep the public names",
        "Nein, nimm Postgres",
        "Die Tests bitte nicht anfassen",
        "Non, utilise Redis",
        "Usa Redis en vez de Postgres",
        "нет, используй redis",
        "请不要修改测试",
        "違います、Redisを使って",
        "그거 말고 redis 써",
    ],
)
def test_a_correction_is_found_in_many_languages(text: str) -> None:
    assert correction_in(text) == text
    assert asked("Build a cache", text).corrections == (text,)


@pytest.mark.parametrize("text", ["Now add a readme", "No such file, why?", "```\nno, stop\n```"])
def test_a_further_request_is_not_a_correction(text: str) -> None:
    assert correction_in(text) == ""


def test_only_the_sentence_that_corrects_is_quoted() -> None:
    assert correction_in("Thanks! But leave the config alone. Then go on.") == (
        "But leave the config alone."
    )
    assert correction_in("Wrong. Use tabs. And document it.") == "Wrong. Use tabs."


def test_the_newest_words_come_first_and_those_to_go_on_are_left_out() -> None:
    found = asked(
        "Build a cache", "Add docs", "ok, go on", "继续", "No, use Redis", "Add a test\nnow"
    )
    assert found.goal == "Build a cache"
    assert found.corrections == ("No, use Redis",)
    assert found.requests == ("Add a test", "Add docs")


def test_the_first_prompt_is_the_goal_even_if_it_forbids() -> None:
    assert asked("Never use npm") == Recollection(goal="Never use npm")


def test_a_part_has_only_its_own_words() -> None:
    prompts = (Prompt(1, "Before"), Prompt(5, "Build"), Prompt(6, "No, that"), Prompt(9, "After"))
    found = recollect(Transcript(prompts=prompts), (), 4, 8)
    assert (found.goal, found.corrections, found.requests) == ("Build", ("No, that",), ())


def user(content: Any, **more: Any) -> dict[str, Any]:
    message = {"role": "user", "content": content}
    return {"type": "user", "sessionId": ME, "message": message, **more}


def call(name: str, command: str) -> dict[str, Any]:
    use = {"type": "tool_use", "id": name, "name": "Bash", "input": {"command": command}}
    return {"type": "assistant", "sessionId": ME, "message": {"content": [use]}}


def result(name: str, text: str, *, failed: bool) -> dict[str, Any]:
    piece = {"type": "tool_result", "tool_use_id": name, "content": text, "is_error": failed}
    return user([piece], toolUseResult=text if failed else {"stdout": text})


def test_claude_code_states_exit_codes_and_refusals_in_words() -> None:
    refusal = (
        "The user doesn't want to proceed with this tool use. The tool use was rejected. To tell"
        " you how to proceed, the user said:\nuse uv\n\nNote: The user's next message may follow."
    )
    found = recollect(
        of(
            user("Fix the login"),
            call("a", "pytest -q"),
            result("a", "2 passed", failed=False),
            call("b", "cd api && uv run pytest -q"),
            result("b", "Exit code 1\n1 failed", failed=True),
            call("c", "pip install x"),
            result("c", refusal, failed=True),
        ),
        ("/a", "/a"),
        0,
        NEVER,
    )
    assert found.tests == SuiteRun("cd api && uv run pytest -q", 1)
    assert (found.requests, found.edited) == (("use uv",), ("/a",))


def test_codex_states_exit_codes_as_numbers() -> None:
    item = {
        "type": "CommandExecution", "id": "c", "command": ["bash", "-lc", "npm test"],
        "exit_code": 2, "aggregated_output": "",
    }  # fmt: skip
    message = {"type": "user_message", "message": "Fix the login"}
    entries = [
        {"type": "session_meta", "payload": {"id": ME}},
        {"type": "event_msg", "payload": message},
        {"type": "event_msg", "payload": {"type": "item_completed", "item": item}},
        {"type": "event_msg", "payload": {**message, "message": "Don't change the API"}},
    ]
    found = recollect(of(*entries, agent="codex"), (), 0, NEVER)
    assert found == Recollection(
        "Fix the login", ("Don't change the API",), (), SuiteRun("npm test", 2)
    )


@needs_samples
def test_a_real_transcript_has_a_goal_and_no_tests() -> None:
    transcript, states = read("codex", "codex-commit.jsonl", CODEX)
    found = recollect(transcript, states.files, 0, NEVER)
    assert found.goal
    assert found.tests is None
    assert found.edited
