"""Parts of the claims of `lie_decompositions`."""
