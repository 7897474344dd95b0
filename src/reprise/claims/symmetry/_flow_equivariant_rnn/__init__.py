"""Parts of the claims of `flow_equivariant_rnn`."""
