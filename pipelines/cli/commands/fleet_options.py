"""The options that several verbs of a fleet have."""

from __future__ import annotations

from typing import Final

from pipelines.cli.declared import Argument, Option, between

RUNNERS: Final = ("local", "dask", "kubernetes")
STEPS_ARGUMENT: Final = Argument("steps", "VERB[,VERB...]")
MORE: Final = Argument("arguments", "ARGUMENT", required=False, repeat=True)
FOLDER: Final = Argument("folder", "DIR", "fleet-run", required=False)
_LISTS: Final = (
    Option(
        "--repos",
        "A file with a path or an address on each line; repeatable.",
        to="lists",
        repeat=True,
        metavar="FILE",
    ),
    Option(
        "--find", "Look for repositories below DIR; repeatable.", to="folders", repeat=True,
        metavar="DIR",
    ),
    Option(
        "--org-file",
        "A JSON file with a hosting service's list of repositories; repeatable.",
        to="organizations",
        repeat=True,
        metavar="FILE",
    ),
)  # fmt: skip
PLANNED: Final = (
    *_LISTS,
    Option("--shard-size", "The number of repositories in a shard. [default: for about 200 shards]",
           read=between(1, 100_000), metavar="N"),
    Option("--time-limit", "Seconds after which a verb is killed.",
           read=between(1, 864_000), default=900,
           metavar="SECONDS", shown=True),
    Option("--memory-limit", "MiB of memory that a verb may use.",
           read=between(64, 1 << 20), default=2048,
           metavar="MIB", shown=True),
    Option("--remote", "For 'sync': a directory or s3://bucket/prefix; {name} is the repository.",
           metavar="URL"),
    Option("--tables", "For 'export': where the tables are written. "
           "[default: 'tables' in the run's folder]",
           metavar="DIR|URL"),
    Option("--endpoint-url", "The address of an S3-compatible store.", metavar="URL"),
    Option("--redact", "For 'export': hash paths and tasks, and leave other texts out.", flag=True),
)  # fmt: skip
WORKERS: Final = Option(
    "--workers",
    "The number of verbs that run at a time. [default: one for each processor]",
    read=between(1, 10_000),
    metavar="N",
)


def price(text: str) -> float:
    """Return a price in US dollars."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if not 0 <= value < 1_000_000:
        raise ValueError(f"{text} is not a price: expected 0 or more, below 1,000,000")
    return value
