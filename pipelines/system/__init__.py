"""Files, git, helper processes and models: what a job uses of its machine."""
