"""Making images, videos and shapes."""
