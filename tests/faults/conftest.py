"""The fault tests migrate the same small logs as the tests of the verbs."""

from tests.pipelines.conftest import bench, cli, plain, worker

__all__ = ["bench", "cli", "plain", "worker"]
