"""Write the manifests of a fleet run for Kubernetes; the cluster runs its shards."""

from __future__ import annotations

import os

from codec.errors import FormatError
from codec.schedules.fleet import cron_job, indexed_job
from pipelines.fleet.run_folder import Plan, write_plan
from pipelines.system.fs.files import make_folder, replace_file


def write_manifests(folder: str, plan: Plan, image: str, claim: str) -> list[str]:
    """Write the plan of a run, and the manifests of its shards; return their paths.

    Args:
        folder: of the run, absolute; below the mount of the claim it has the same name.
        plan: of the run.
        image: with session-codec in it.
        claim: name of the volume claim.

    Raises:
        Conflict: the folder holds another run.
        FormatError: a name cannot be one of Kubernetes, or no repository is listed.
    """
    if not plan.members:
        raise FormatError("no repository is listed", hint="A job needs at least one index")
    name = os.path.basename(folder)
    made = {
        "job.yaml": indexed_job(name, plan.shards, plan.memory, image, claim),
        "cronjob.yaml": cron_job(name, plan.shards, plan.memory, image, claim),
    }
    write_plan(folder, plan)
    target = os.path.join(folder, "kubernetes")
    make_folder(target)
    for file, data in made.items():
        replace_file(os.path.join(target, file), [data])
    return [os.path.join(target, file) for file in made]
