"""Parts of the claims of `inset`."""
