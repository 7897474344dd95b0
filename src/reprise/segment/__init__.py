"""From pixels to regions."""
