"""Measurements of what the program costs and carries; each prints a table with the commit and what was loaded."""
