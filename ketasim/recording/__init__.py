"""Where a run and its file meet: what is recorded of a simulation, where it came from, how it goes on."""
