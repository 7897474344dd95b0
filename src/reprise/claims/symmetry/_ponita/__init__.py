"""Parts of the claims of `ponita`."""
