"""Layers that are right by construction: invariance and equivariance to groups."""
