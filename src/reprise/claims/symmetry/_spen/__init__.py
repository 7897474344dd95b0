"""Parts of the claims of `spen`."""
