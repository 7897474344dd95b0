"""Parts of the claims of manifold linearizing and clustering."""
