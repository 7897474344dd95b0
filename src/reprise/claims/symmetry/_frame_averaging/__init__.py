"""Parts of the claims of `frame_averaging`."""
