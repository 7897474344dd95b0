"""Inside language models."""
