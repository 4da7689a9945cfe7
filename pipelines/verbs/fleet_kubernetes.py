"""Write the manifests of a fleet run for Kubernetes; the cluster then runs its shards."""

from __future__ import annotations

import os

from codec.errors import FormatError
from codec.schedules.fleet import cron_job, indexed_job
from pipelines.fleet.run_folder import Plan, write_plan
from pipelines.system.fs.files import make_folder, replace_file


def write_manifests(folder: str, plan: Plan, image: str, claim: str) -> list[str]:
    """Write the plan of a run, and the manifests of its shards; return their paths.

    Args:
        folder: the folder of the run, absolute; it has the same name on the mounted claim.
        plan: the plan of the run.
        image: the image with session-codec in it.
        claim: the name of the volume claim.

    Raises:
        Conflict: the folder has another run.
        FormatError: Kubernetes does not allow a name, or no repository is listed.
    """
    if not plan.members:
        raise FormatError("no repository is listed", hint="List at least one repository")
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
