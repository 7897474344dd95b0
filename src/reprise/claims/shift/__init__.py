"""Claims of the `shift` family, one module a paper."""
