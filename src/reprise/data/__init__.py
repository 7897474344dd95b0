"""Loaders of data sets, one function a data set, and the simulators that papers define."""
