"""Parts of the claim on places: how much is measured, and what the model holds while it reads names."""
