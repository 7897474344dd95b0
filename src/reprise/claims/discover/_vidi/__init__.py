"""Parts of the claims of `vidi`."""
