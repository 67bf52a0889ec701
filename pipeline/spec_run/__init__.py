"""A compiled pipeline run task by task, on this machine, as a cluster would run it."""
