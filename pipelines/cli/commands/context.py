"""`session-codec context`."""

from __future__ import annotations

import sys
from typing import Final

from codec.tokens.tokenizers import DEFAULT as TOKENIZER
from codec.tokens.tokenizers import TOKENIZERS
from codec.v2.context_view import DEFAULT_BUDGET, DEFAULT_LAST, STYLES, Style
from pipelines.cli.commands.spooled import workspace_of
from pipelines.cli.declared import JSON, Option
from pipelines.cli.output import say_json, tell, visible
from pipelines.errors import FINDINGS
from pipelines.tokenizer import load
from pipelines.verbs.context import Request, render
from pipelines.workspace.location import DELTAS

OPTIONS: Final = (
    Option("--budget", "budget", f"Tokens at the most.  [default: {DEFAULT_BUDGET}]", "number",
           metavar="N"),
    Option("--last", "last",
           f"The newest N sessions, all in full.  [default: {DEFAULT_LAST}, within the budget]",
           "number", metavar="N"),
    Option("--style", "style", "How sessions are written.", "choice", default="compact",
           choices=STYLES, shown=True),
    Option("--tokenizer", "tokenizer", "What counts tokens.", "choice", default=TOKENIZER,
           choices=TOKENIZERS, shown=True),
    JSON,
)  # fmt: skip


def run(
    repo: str,
    budget: int | None,
    last: int | None,
    style: Style,
    tokenizer: str,
    as_json: bool,
) -> int:
    """What an agent reads at its start: references, then the newest sessions.

    Within the budget the newest sessions are in full and the rest of them are summed up in one
    line. A line such as '140000 s coverage validation +1247-89c11t30' is a time of day, an agent,
    the task, lines, commits and minutes; the first line explains the signs.

    \b
    Examples:
      session-codec context
      session-codec context --budget 250
      session-codec context --last 30 --style lines
    """
    if budget is None and last is None:
        budget = DEFAULT_BUDGET
    request = Request(
        workspace=workspace_of(repo),
        tokenizer=tokenizer,
        budget=budget,
        last=DEFAULT_LAST if last is None else last,
        style=style,
    )
    result = render(request, load)
    if result.broken:
        tell(f"finding: {DELTAS}: {result.broken} of the newest lines are no deltas; see 'verify'")
    if as_json:
        say_json(
            "context", {**result.context._asdict(), "tokenizer": tokenizer, "broken": result.broken}
        )
    else:
        text = result.context.text
        sys.stdout.write(visible(text) if sys.stdout.isatty() else text)
    return FINDINGS if result.broken else 0
