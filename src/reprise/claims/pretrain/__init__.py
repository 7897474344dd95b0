"""Claims of the `pretrain` family, one module a paper."""
