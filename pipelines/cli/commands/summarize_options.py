"""The options of `summarize` that belong to a model; without one, no module of models is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pipelines.cli.declared import Misuse, Option, between, percent

MOST_TOKENS: Final = 200_000
SECONDS: Final = 300
#: The options that can be settings as well.
SETTINGS: Final = ("model_endpoint", "model_max_tokens")
_NEED_MODEL: Final = (
    "model_endpoint", "with_diffs", "max_dropped", "dry_run", "yes", "timeout",
)  # fmt: skip

MODEL_OPTIONS: Final = (
    Option(
        "--model",
        "Add a summary by a model: claude, codex or llm, or one of their models, such as "
        "claude:opus; with --endpoint, the name of a model there.",
        metavar="MODEL",
    ),
    Option(
        "--endpoint",
        "The address of an OpenAI-compatible API, up to /v1.",
        to="model_endpoint",
        metavar="URL",
    ),
    Option("--with-diffs", "Send the beginning of each diff as well.", flag=True),
    Option(
        "--max-tokens",
        f"Send and receive at most N tokens. [default: {MOST_TOKENS:,}]",
        to="model_max_tokens",
        read=between(1, 10**9),
        metavar="N",
    ),
    Option(
        "--max-dropped",
        "Exit with 3 if more than PERCENT of the model's claims were dropped.",
        read=percent,
        metavar="PERCENT",
    ),
    Option(
        "--timeout",
        f"Wait at most N seconds for each answer. [default: {SECONDS}]",
        read=between(1, 86_400),
        metavar="N",
    ),
    Option("--dry-run", "Print what would be sent to the model; send nothing.", flag=True),
    Option("--yes", "Send without asking.", flag=True),
)


def check_alone(given: Mapping[str, Any]) -> None:
    """Refuse options that need `--model`, which was not given.

    Raises:
        Misuse: there is such an option.
    """
    for option in _NEED_MODEL:
        if given[option] not in (None, False):
            raise Misuse(f"--{option.removeprefix('model_').replace('_', '-')} needs --model")
