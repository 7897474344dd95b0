"""Claims of the `retrieve` family, one module a paper."""
