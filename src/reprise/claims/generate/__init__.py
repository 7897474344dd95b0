"""Claims of the `generate` family, one module a paper."""
