"""Parts of the claims of `science-hierarchography`."""
