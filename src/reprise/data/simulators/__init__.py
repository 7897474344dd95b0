"""Simulators that papers define: seeded, vectorised, documented."""
