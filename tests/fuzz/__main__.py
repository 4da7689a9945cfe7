"""Fuzz one decoder: `python -m tests.fuzz TARGET SECONDS [FOLDER]`.

By atheris (coverage-guided) if it is installed, else by random changes. Bytes that raise something
else than an error of ours are written to FOLDER.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from codec.errors import CodecError
from tests.fuzz.mutations import mutated
from tests.fuzz.targets import TARGETS, seeds


def main(target: str, seconds: str, folder: str = ".") -> None:
    """Fuzz a target for some seconds."""
    run, count = TARGETS[target], 0

    def once(data: bytes) -> None:
        nonlocal count
        count += 1
        try:
            run(data)
        except CodecError:
            pass
        except BaseException:
            Path(folder, f"{target}-{count}.bin").write_bytes(data)
            raise

    try:
        import atheris
    except ImportError:
        rng = random.Random()  # noqa: S311
        end = time.monotonic() + float(seconds)
        while time.monotonic() < end:
            once(mutated(rng, seeds(target)))
        print(f"{target}: {count:,} runs, nothing but errors of ours")  # noqa: T201
        return
    corpus = Path(folder, f"corpus-{target}")
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds(target)):
        (corpus / f"seed-{number}").write_bytes(data)
    atheris.instrument_all()
    options = (f"-max_total_time={seconds}", f"-artifact_prefix={folder}/", "-max_len=8192")
    atheris.Setup([sys.argv[0], str(corpus), *options], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
