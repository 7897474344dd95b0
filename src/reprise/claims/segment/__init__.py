"""Claims of the `segment` family, one module a paper."""
