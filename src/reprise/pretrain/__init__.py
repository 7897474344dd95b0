"""Representations from views, without labels."""
