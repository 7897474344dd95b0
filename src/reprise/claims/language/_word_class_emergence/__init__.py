"""Parts of the claim on word classes: the texts and samples of windows, and what is measured on them."""
