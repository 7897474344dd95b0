"""Real models, packaged or from the hub: language models, sentence embedders, vision backbones."""
