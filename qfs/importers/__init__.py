"""Readers of other networks' published files."""
