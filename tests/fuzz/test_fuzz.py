"""A short form of the fuzzer, with a fixed seed: bytes give records or an error of ours."""

from __future__ import annotations

import random

import pytest

from codec.errors import CodecError
from tests.fuzz.mutations import mutated
from tests.fuzz.targets import TARGETS, seeds

RUNS = 400


@pytest.mark.parametrize("target", TARGETS)
def test_a_seed_is_decoded(target: str) -> None:
    for data in seeds(target):
        TARGETS[target](data)


@pytest.mark.parametrize("target", TARGETS)
def test_any_bytes_give_records_or_an_error_of_ours(target: str) -> None:
    rng = random.Random(7)  # noqa: S311
    for _ in range(RUNS):
        data = mutated(rng, seeds(target))
        try:
            TARGETS[target](data)
        except CodecError:
            continue
        except Exception as e:
            raise AssertionError(f"{target}: {data!r}") from e
