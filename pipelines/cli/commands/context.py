"""`session-codec context`."""

from __future__ import annotations

import sys
from typing import Final

from codec.v2.context_view import DEFAULT_BUDGET, DEFAULT_LAST, STYLES, Style
from pipelines.cli.commands.spooled import workspace_of
from pipelines.cli.declared import JSON, REPO, Option, Verb, number
from pipelines.cli.options import TOKENIZER_OPTION
from pipelines.cli.output import say_json, tell, visible
from pipelines.outcomes.errors import EXIT_CODES, FINDINGS
from pipelines.system.worker.tokenizer import load
from pipelines.verbs.context import Request, render
from pipelines.workspace.location import DELTAS


def run(
    repo: str,
    budget: int | None,
    last: int | None,
    style: Style,
    with_summary: bool,
    tokenizer: str,
    as_json: bool,
) -> int:
    """Print what an agent reads at its start: references, then the newest sessions.

    As many of the newest sessions as fit the budget are printed in full, then the notes of the
    newest few. One line sums up the others, and always those that did nothing (no commit, no diff,
    no status).
    In a line such as '140000 s coverage validation +1247-89c11t30', the fields are the time of day,
    the agent, the task, and lines, commits and minutes; the first line explains the signs.

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
        with_summary=with_summary,
    )
    result = render(request, load)
    if result.broken:
        tell(
            f"finding: {DELTAS}: lines that cannot be read: {result.broken}; "
            "'session-codec verify' names them"
        )
    if as_json:
        say_json(
            "context", {**result.context._asdict(), "tokenizer": tokenizer, "broken": result.broken}
        )
    else:
        text = result.context.text
        sys.stdout.write(visible(text) if sys.stdout.isatty() else text)
    return FINDINGS if result.broken else 0


VERB: Final = Verb(
    run,
    (REPO,),
    (
        Option(
            "--budget",
            f"Print at most N tokens. [default: {DEFAULT_BUDGET}]",
            read=number,
            metavar="N",
        ),
        Option(
            "--last",
            f"Print the newest N sessions in full, even beyond the token budget. [default: "
            f"{DEFAULT_LAST}, "
            "within the budget]",
            read=number,
            metavar="N",
        ),
        Option("--style", "How to write sessions.", choices=STYLES, default="compact", shown=True),
        Option(
            "--with-summary",
            "Add the newest summary by a model, in two lines within the budget.",
            flag=True,
        ),
        TOKENIZER_OPTION,
        JSON,
    ),
    exits={3: "a line of the deltas cannot be read", 20: EXIT_CODES[20]},
)
