"""Finding and recommending with representations."""
