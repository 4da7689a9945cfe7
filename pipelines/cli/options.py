"""Arguments that several verbs take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from codec.tokens import DEFAULT, TOKENIZERS

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

repo: Decorator = click.argument("repo", default=".", type=click.Path())
as_json: Decorator = click.option(
    "--json", "as_json", is_flag=True, help="One JSON document on stdout."
)
tokenizer: Decorator = click.option(
    "--tokenizer",
    type=click.Choice(TOKENIZERS),
    default=DEFAULT,
    show_default=True,
    help="What counts tokens.",
)
