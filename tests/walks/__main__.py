"""Walk at random over the verbs, and print each violation with the seed that repeats it.

    python -m tests.walks [--seeds N] [--first SEED] [--steps N] [--seconds N] [--trail]

Exit 1 if a promise was broken. A seed repeats its walk, except for the moments of the kills.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from tests.support.servers import Server, moto_process
from tests.walks.actions import ACTIONS, verify
from tests.walks.invariants import check_agreement, check_all, check_step
from tests.walks.model import Chances, Violation, Walk
from tests.walks.remotes import DirectoryFolder, EncryptedFolder, VersionedBucket, WalkRemote
from tests.walks.running import import_everything

#: Of ten seeds in a row, the remotes that they use; `v` needs a server.
_KINDS = "dddeddevde"


def main() -> int:
    options = _arguments()
    _isolate()
    import_everything()
    total: Counter[str] = Counter()
    broken: list[int] = []
    end = time.monotonic() + options.seconds
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="walks-")))
        server: Server | None = None
        for seed in range(options.first, options.first + options.seeds):
            if time.monotonic() > end:
                break
            kind = _KINDS[seed % len(_KINDS)]
            if kind == "v" and server is None:
                server = stack.enter_context(moto_process(scratch))
                server.place()  # waits until it answers
            with tempfile.TemporaryDirectory(prefix="walk-") as folder:
                base = Path(folder).resolve()
                walk = Walk(seed, base, _remote(kind, base, server), Chances())
                try:
                    _walk(walk, options.steps)
                except Violation as e:
                    broken.append(seed)
                    print(f"seed {seed}, after {len(walk.trail)} steps: {e}", flush=True)
                    if options.trail:
                        print("\n".join(walk.trail), flush=True)
                total += walk.counts
                total["walks"] += 1
                print(f"seed {seed} ({walk.remote.kind}): {dict(walk.counts)}", flush=True)
    total["verbs"] = sum(total.values()) - total["walks"] - total["merge"] - total["killed"]
    print(json.dumps({"broken": broken, **total}))
    return 1 if broken else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.walks", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="how many walks")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--steps", type=int, default=45, help="steps of each walk")
    parser.add_argument("--seconds", type=float, default=3600, help="start no walk after this time")
    parser.add_argument("--trail", action="store_true", help="print the steps of a broken walk")
    return parser.parse_args()


def _isolate() -> None:
    """Take nothing from the person who runs this: no git settings, no cloud, no home."""
    for name in list(os.environ):
        if name.startswith(("GIT_", "SESSION_CODEC", "AWS_")):
            del os.environ[name]
    os.environ["GIT_CONFIG_NOSYSTEM"] = "1"
    os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
    for role in ("AUTHOR", "COMMITTER"):
        os.environ[f"GIT_{role}_NAME"] = "walker"
        os.environ[f"GIT_{role}_EMAIL"] = "walker@example.com"


def _remote(kind: str, base: Path, server: Server | None) -> WalkRemote:
    if kind == "e":
        return EncryptedFolder(base)
    if kind == "v" and server is not None:
        return VersionedBucket(server)
    return DirectoryFolder(base)


def _walk(walk: Walk, steps: int) -> None:
    actions, weights = zip(*ACTIONS, strict=True)
    for _ in range(steps):
        action = walk.random.choices(actions, weights)[0]
        action(walk, walk.random.choice((walk.a, walk.b)))
        check_step(walk)
        if walk.random.random() < 0.08:
            check_all(walk)
    check_all(walk)
    check_agreement(walk)
    for clone in (walk.a, walk.b):
        verify(walk, clone)


if __name__ == "__main__":
    sys.exit(main())
