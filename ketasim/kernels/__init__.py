"""Numbers only: compiled functions of scalars and arrays. Knows no configuration, no file, no unit library."""
