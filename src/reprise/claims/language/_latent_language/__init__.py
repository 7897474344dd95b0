"""Parts of the claims on latent languages: words, sizes, and what is measured on a model."""
