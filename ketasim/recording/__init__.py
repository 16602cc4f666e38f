"""Between simulation and file: what is recorded of a run, its provenance, and how it is resumed."""
