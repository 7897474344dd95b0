"""Claims of the `symmetry` family, one module a paper."""
