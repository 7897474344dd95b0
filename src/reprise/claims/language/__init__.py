"""Claims of the `language` family, one module a paper."""
