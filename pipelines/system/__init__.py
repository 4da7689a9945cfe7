"""Files, git, helper processes and models: what pipelines use of the machine."""
