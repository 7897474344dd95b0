"""Classes and clusters that nobody labelled."""
