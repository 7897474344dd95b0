"""Parts of the claims of hyperbolic category discovery."""
