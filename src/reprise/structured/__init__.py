"""Graphs, molecules, crystals and markets."""
