"""Where rows come from: files of a person, public data sets, and what is kept."""
