"""Claims of the `structured` family, one module a paper."""
