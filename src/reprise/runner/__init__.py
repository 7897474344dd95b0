"""Runs the trials of claims: in processes of their own, or on a Ray cluster; keeps what is done, and resumes."""

from reprise.runner.environment import processor, resolve_device
from reprise.runner.papers import DEFAULT_FOLDER, Event, run

__all__ = ["DEFAULT_FOLDER", "Event", "processor", "resolve_device", "run"]
