"""Symbols, programs and inference."""
