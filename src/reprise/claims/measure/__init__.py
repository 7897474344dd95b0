"""Claims of the `measure` family, one module a paper."""
