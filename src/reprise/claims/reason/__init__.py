"""Claims of the `reason` family, one module a paper."""
