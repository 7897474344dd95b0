"""Parts of the claims of `matryoshka`."""
