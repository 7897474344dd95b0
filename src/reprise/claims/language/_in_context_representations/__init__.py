"""Parts of the claim on in-context representations: how much is read, and what is measured on each model."""
