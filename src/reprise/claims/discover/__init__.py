"""Claims of the `discover` family, one module a paper."""
