"""`python -m bench [NAME...]`: measure, and print a table."""

from __future__ import annotations

import os
import platform
import shutil
import signal
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from bench.archive import archive, archive_fast, archive_large, archive_load
from bench.corpus import large
from bench.daily import context, query, record, summarize
from bench.false_findings import false_findings
from bench.find import find, find_most, find_quality
from bench.fleet import fleet, fleet_tables
from bench.growth import growth
from bench.hook_start import hook_start
from bench.imports import imports
from bench.process import Failed, Skipped, apart
from bench.remotes import remotes
from bench.scaling import scaling
from bench.table import HEADER, Line
from bench.tokens import tokens
from bench.verbs import Setting, again, help_, hook, migrate, migrate_10x, restore, secrets, verify

BENCHMARKS: Final[dict[str, Callable[[Setting], Iterator[Line]]]] = {
    "migrate": migrate,
    "migrate-10x": migrate_10x,
    "again": again,
    "tokens": tokens,
    "help": help_,
    "hook": hook,
    "hook-start": hook_start,
    "context": context,
    "record": record,
    "query": query,
    "summarize": summarize,
    "find": find,
    "find-most": find_most,
    "find-quality": find_quality,
    "restore": restore,
    "verify": verify,
    "archive": archive,
    "archive-fast": archive_fast,
    "archive-load": archive_load,
    "archive-large": archive_large,
    "secrets": secrets,
    "false-findings": false_findings,
    "remotes": remotes,
    "scaling": scaling,
    "growth": growth,
    "import": imports,
    "fleet": fleet,
    "fleet-tables": fleet_tables,
}
_ABOUT: Final = """\
Medians of runs that take turns with their yardstick: wall time, and processor time of all
processes. Memory: the most that one process held in any run. MB: 1,000,000 bytes.
"""


def main() -> None:
    """Measure all benchmarks, or those that are named."""
    parser = ArgumentParser(prog="python -m bench", description=main.__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], metavar="NAME")
    parser.add_argument("--runs", type=int, help="Runs of each; else 5, 10x 1, hooks 21.")
    parser.add_argument(
        "--dir",
        type=Path,
        default=Path(__file__).parents[1] / "build",
        help="Where to write, in a folder that is removed at the end; else build/.",
    )
    parser.add_argument("--clones", type=Path, help="A folder of clones, for false-findings.")
    parser.add_argument("--write", action="store_true", help="Write what docs/ quotes into it.")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and remove the folder first
    # What is installed is compiled; with this set, an editable install would be at each run.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    folder = given.dir.absolute() / f"bench-{os.getpid()}"
    folder.mkdir(parents=True)
    try:
        failed = _measure(given, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(failed)


def _measure(given: Namespace, folder: Path) -> bool:
    log = folder / "large.md"
    origin = apart(large, log)
    print(f"log: {origin}, {log.stat().st_size:,} bytes")
    print(f"in: {folder}; Python {platform.python_version()}, {os.cpu_count()} processors")
    print(f"{_ABOUT}\n{HEADER}", flush=True)
    setting = Setting(
        folder=folder, log=log, wanted=given.runs, write=given.write, clones=given.clones
    )
    failed = False
    for name in given.names or BENCHMARKS:
        try:
            for row in BENCHMARKS[name](setting):
                print(row.line(), flush=True)
        except (Failed, Skipped) as e:
            failed |= isinstance(e, Failed)
            print(f"{name:<12} {e}", flush=True)
    return failed


if __name__ == "__main__":
    main()
