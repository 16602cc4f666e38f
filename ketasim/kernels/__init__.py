"""Numerics only: compiled functions of scalars and arrays, independent of configuration, files and unit library."""
