"""Ask a model through an installed program: Claude Code, Codex or `llm`, without interaction.

1. The program runs once, in a new empty folder, without tools that write: it sees only the
   question. So hooks of the workspace do not run, and no session is recorded.
2. Its own settings decide who pays: session-codec passes neither a key nor an address.
3. It is killed, with all its child processes, if it takes too long or its answer is too long.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from codec.errors import FormatError
from pipelines.outcomes.errors import NotFound, Unavailable
from pipelines.system.models.base import ANSWER_LIMIT, KEY, Answer, known_cost, known_count

_BLOCK: Final = 1 << 16
_SHOWN: Final = 200
#: Variables that agents set for their child processes; a program that sees them acts as nested.
_NESTED: Final = ("CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT")
#: Variables that a program does not get.
_HIDDEN: Final = (*_NESTED, KEY)
_SCHEMA_FILE: Final = "schema.json"


class Program:
    """A model that is asked through an installed program."""

    def __init__(self, program: str, model: str, *, seconds: float, schema: Mapping[str, Any]):
        """Find the program, without running it.

        Args:
            program: `claude`, `codex` or `llm`.
            model: the model that it is asked for; empty for its default.
            seconds: the time limit for the complete answer.
            schema: the schema that the answer follows.

        Raises:
            NotFound: the program is not installed.
        """
        path = shutil.which(program)
        if path is None:
            raise NotFound(
                f"{program} is not installed",
                hint=f"Install it, or add its folder to PATH; supported: {', '.join(PROGRAMS)}",
            )
        self._path = path
        self._program = program
        self._model = model
        self._seconds = seconds
        self._schema = schema

    @property
    def name(self) -> str:
        """Return the program and the model, as the user named them."""
        return f"{self._program}:{self._model}" if self._model else self._program

    @property
    def place(self) -> str:
        """Return the path of the program."""
        return self._path

    def ask(self, question: str) -> Answer:
        """Run the program once with a question, and return its answer."""
        form = PROGRAMS[self._program]
        with tempfile.TemporaryDirectory(prefix="session-codec-") as folder:
            with open(os.path.join(folder, _SCHEMA_FILE), "w", encoding="utf-8") as f:
                json.dump(self._schema, f)
            model = (form.model_option, self._model) if self._model else ()
            arguments = [self._path, *form.arguments, *model, *form.last]
            data = self._run(arguments, question, folder)
        try:
            return form.read(data)
        except (KeyError, TypeError, ValueError, RecursionError) as e:
            if isinstance(e, FormatError):
                raise
            raise FormatError(f"{self._path}: the output is not in the expected form") from None

    def _run(self, arguments: Sequence[str], question: str, folder: str) -> bytes:
        """Return the output of a program.

        Raises:
            Unavailable: it failed, took too long, or its output was too long.
        """
        environment = {k: v for k, v in os.environ.items() if k not in _HIDDEN}
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as errors:
            given.write(question.encode())
            given.seek(0)
            process = subprocess.Popen(
                arguments, cwd=folder, env=environment, stdin=given, stdout=subprocess.PIPE,
                stderr=errors, start_new_session=True,
            )  # fmt: skip
            late = threading.Event()

            def end() -> None:
                late.set()
                _kill(process)

            watchdog = threading.Timer(self._seconds, end)
            watchdog.daemon = True
            watchdog.start()
            try:
                data = _read(process)
                code = process.wait()
            finally:
                watchdog.cancel()
                _kill(process)
                process.wait()
            errors.seek(0)
            said = " ".join(errors.read(_BLOCK).decode(errors="replace").split())
        if late.is_set():
            raise Unavailable(
                f"{self._path}: no whole answer within {self._seconds:g} seconds",
                hint="--timeout sets how long to wait",
            )
        if len(data) > ANSWER_LIMIT:
            raise Unavailable(f"{self._path}: printed more than {ANSWER_LIMIT:,} bytes")
        if code != 0:
            said = said or " ".join(data[:_SHOWN].decode(errors="replace").split())
            raise Unavailable(
                f"{self._path}: ended with {code}" + (f": {said[:_SHOWN]}" if said else ""),
                hint="Check that it answers when you run it by hand",
            )
        return data


def _read(process: subprocess.Popen[bytes]) -> bytes:
    """Return the output of a process, up to a block above the limit."""
    blocks: list[bytes] = []
    size = 0
    assert process.stdout is not None
    with process.stdout as out:
        while size <= ANSWER_LIMIT and (block := out.read1(_BLOCK)):  # type: ignore[attr-defined]
            blocks.append(block)
            size += len(block)
    if size > ANSWER_LIMIT:
        _kill(process)
    return b"".join(blocks)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all its child processes."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()


def _read_claude(data: bytes) -> Answer:
    """Return the answer in the result document of `claude -p --output-format json`."""
    fields = json.loads(data)
    if fields.get("is_error"):
        raise Unavailable(f"claude: {' '.join(str(fields.get('result', '')).split())[:_SHOWN]}")
    usage = fields.get("usage") or {}
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    counts = [known_count(usage.get(name)) for name in names]
    models = list(fields.get("modelUsage") or {})
    return Answer(
        text=_text(fields["result"]),
        model=models[0] if len(models) == 1 else "",
        input_tokens=None if counts[0] is None else sum(c or 0 for c in counts),
        output_tokens=known_count(usage.get("output_tokens")),
        cost_usd=known_cost(fields.get("total_cost_usd")),
    )


def _read_codex(data: bytes) -> Answer:
    """Return the answer in the events of `codex exec --json`: the agent's last message."""
    text: str | None = None
    usage: dict[str, Any] = {}
    for line in data.splitlines():
        event = json.loads(line)
        if event["type"] == "item.completed" and event["item"]["type"] == "agent_message":
            text = _text(event["item"]["text"])
        elif event["type"] == "turn.completed":
            usage = event.get("usage") or {}
        elif event["type"] == "turn.failed":
            problem = str((event.get("error") or {}).get("message", "the turn failed"))
            raise Unavailable(f"codex: {' '.join(problem.split())[:_SHOWN]}")
    return Answer(
        text=_text(text),
        input_tokens=known_count(usage.get("input_tokens")),
        output_tokens=known_count(usage.get("output_tokens")),
    )


def _read_llm(data: bytes) -> Answer:
    """Return the answer of `llm`, which is its whole output."""
    return Answer(text=data.decode())


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


class _Form(NamedTuple):
    """How to call a program without interaction, and how to read its output."""

    arguments: tuple[str, ...]
    model_option: str
    read: Callable[[bytes], Answer]
    last: tuple[str, ...] = ()


PROGRAMS: Final[Mapping[str, _Form]] = {
    "claude": _Form(
        (
            "--print", "--output-format", "json", "--tools", "", "--strict-mcp-config",
            "--setting-sources", "user", "--settings", '{"disableAllHooks": true}',
            "--no-session-persistence", "--disable-slash-commands",
            "--system-prompt", "Answer with one JSON object, as the user asks.",
        ),
        "--model",
        _read_claude,
    ),
    "codex": _Form(
        (
            "exec", "--json", "--sandbox", "read-only", "--skip-git-repo-check", "--ephemeral",
            "--output-schema", _SCHEMA_FILE,
        ),
        "--model",
        _read_codex,
        ("-",),
    ),
    # Without --schema, which llm refuses for most models: the question states the form.
    "llm": _Form(("prompt", "--no-log", "--no-stream"), "--model", _read_llm),
}  # fmt: skip
