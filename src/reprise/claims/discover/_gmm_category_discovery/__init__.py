"""Parts of the claims of GPC."""
