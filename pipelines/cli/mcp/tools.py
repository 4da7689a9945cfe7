"""The tools of the MCP server, without its protocol: arguments in, text and links out.

1. They only read. Nothing is fetched from a remote.
2. Text from sessions and diffs is limited, quoted, and follows a line that marks it as data.
3. They call the same verbs as the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from codec.errors import CodecError
from codec.kinds import Key
from codec.patches.changes import changes_of
from codec.records import STATUSES, PatchRef
from codec.shown_text import counted, shown
from codec.tokens.tokenizers import DEFAULT as TOKENIZER
from codec.v2.context_view import DEFAULT_BUDGET
from pipelines.cli.mcp.parameters import BadArguments, Parameter, checked
from pipelines.cli.mcp.reading import (
    Selection,
    diff_summary,
    error_text,
    in_lines,
    of_diff,
    read_range,
)
from pipelines.cli.output import visible
from pipelines.cli.times import read_time
from pipelines.outcomes.errors import Erased, NotFound, PipelineError, storage_error
from pipelines.search.answers import DEFAULT_LIMIT, Question, answer_text
from pipelines.search.lexical import COUNTED, Filter
from pipelines.system.worker.tokenizer import load
from pipelines.verbs import context, find, show
from pipelines.workspace.location import Workspace

#: The most answers of one call, and the most tokens of a context.
_ANSWERS: Final = 20
_BUDGET: Final = 4000
_SCHEME: Final = "session-codec://diff/"
#: The name of diffs as resources, for clients.
TEMPLATE: Final = f"{_SCHEME}{{key}}"


class Link(NamedTuple):
    """The diff of a session as a resource: its address, its name, and its size in bytes."""

    uri: str
    name: str
    size: int


class Reply(NamedTuple):
    """The result of a call: a text, links to diffs, and whether the text is an error."""

    text: str
    links: tuple[Link, ...] = ()
    is_error: bool = False


class Tool(NamedTuple):
    """A tool.

    Attributes:
        description: its purpose, for the model.
        parameters: its arguments.
        run: takes the workspace and the checked arguments.
    """

    description: str
    parameters: tuple[Parameter, ...]
    run: Callable[[Workspace, Mapping[str, Any]], Reply]


def call(name: str, given: Mapping[str, Any], locate: Callable[[], Workspace]) -> Reply:
    """Return the reply of a tool; an error is a reply that explains how to continue.

    Args:
        name: the name of the tool.
        given: its arguments, as the client sent them.
        locate: finds the workspace.
    """
    tool = TOOLS.get(name)
    if tool is None:
        unknown = BadArguments(f"unknown tool {name!r} (choose from {', '.join(TOOLS)})")
        return _failed(unknown)
    try:
        arguments = checked(tool.parameters, given)
        return tool.run(locate(), arguments)
    except (BadArguments, CodecError, PipelineError) as e:
        return _failed(e)
    except OSError as e:
        return _failed(storage_error(e))


def read_resource(uri: str, locate: Callable[[], Workspace]) -> Reply:
    """Return the diff that a link names, or an error."""
    if not uri.startswith(_SCHEME):
        return _failed(BadArguments(f"unknown resource; the address of a diff is {TEMPLATE}"))
    return call("read", {"key": uri.removeprefix(_SCHEME), "part": "diff"}, locate)


def _failed(error: Exception) -> Reply:
    return Reply(error_text(error), is_error=True)


def _find(workspace: Workspace, given: Mapping[str, Any]) -> Reply:
    wanted = Filter(*(given[name] for name in Filter._fields))
    question = Question(given["query"], wanted, given["limit"], given["in_diffs"])
    answers, findings = find.find(workspace, question)
    lines = [answer_text(answers.found, commands=False)] if answers.found else []
    if answers.more:
        least = "at least " if answers.more >= COUNTED else ""
        match = "matches" if answers.more == 1 else "match"
        more = f"{least}{counted(answers.more, 'more session')} {match}"
        lines.append(f"{more}; narrow the query or raise limit\n")
    lines += [f"note: {finding.message}\n" for finding in findings]
    return Reply("".join(lines))


def _read(workspace: Workspace, given: Mapping[str, Any]) -> Reply:
    session, entry = show.show(workspace, given["key"])
    link = (_link(session.key, session.patch),) if session.patch is not None else ()
    if given["part"] == "entry" and given["file"] is None:
        selection = Selection(f"entry of {session.key}", entry.splitlines())
        text = in_lines(selection, given["lines"])
        return Reply("\n".join((text, _diff_of(workspace, session.key))) if link else text, link)
    data = _diff(workspace, session.key)
    return Reply(in_lines(of_diff(session.key, data, given["file"]), given["lines"]), link)


def _diff_of(workspace: Workspace, key: Key) -> str:
    """Return a summary of a session's diff, or the reason why it cannot be read."""
    try:
        return diff_summary(list(changes_of(_diff(workspace, key))))
    except (Erased, NotFound) as e:
        return error_text(e).replace("error:", "its diff:", 1)


def _diff(workspace: Workspace, key: Key) -> bytes:
    return show.show_diff(workspace, key, lambda: None)


def _link(key: Key, patch: PatchRef) -> Link:
    return Link(f"{_SCHEME}{key}", f"{key}.diff", patch.size)


def _context(workspace: Workspace, given: Mapping[str, Any]) -> Reply:
    request = context.Request(workspace, TOKENIZER, given["budget"])
    return Reply(visible(shown(context.render(request, load).context.text)))


TOOLS: Final = {
    "find": Tool(
        "Search past sessions by words or a sentence.",
        (
            Parameter("query", required=True),
            Parameter("path", help="changed file or glob"),
            Parameter("agent"),
            Parameter("status", choices=tuple(sorted(STATUSES))),
            Parameter("since", help="2025-11-06 or 7d", read=read_time),
            Parameter("until", read=read_time),
            Parameter("limit", "integer", default=DEFAULT_LIMIT, limits=(1, _ANSWERS)),
            Parameter("in_diffs", "boolean", default=False),
        ),
        _find,
    ),
    "read": Tool(
        "Read a session's entry or diff.",
        (
            Parameter("key", help="key or latest", required=True),
            Parameter("part", default="entry", choices=("entry", "diff")),
            Parameter("file", help="one file of the diff"),
            Parameter("lines", help="1-80", read=read_range),
        ),
        _read,
    ),
    "context": Tool(
        "Project facts and newest sessions.",
        (Parameter("budget", "integer", "tokens", default=DEFAULT_BUDGET, limits=(0, _BUDGET)),),
        _context,
    ),
}
