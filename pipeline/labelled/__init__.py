"""A person's labelled text as a run takes it: fetched, read, checked."""
