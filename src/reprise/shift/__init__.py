"""When the distribution changes between training and use."""
