"""Parts of the claim on successor heads: its items, a model trained to have such heads, and what is measured."""
