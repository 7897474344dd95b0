"""Readers and what they do: logging in without passwords, votes, lists, notes, comments, submissions."""
