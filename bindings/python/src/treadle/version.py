"""The version of this package, as pyproject.toml says it (a test holds one to the other)."""

VERSION = "0.1.0"
