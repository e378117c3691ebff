"""What a photo of a dish may be, and what becomes of it."""

LARGEST_BYTES = 5 * 1024 * 1024
LARGEST_PIXELS = 25_000_000
SMALL_BYTES = 12 * 1024
"""A menu shows twenty of them on a slow network."""

WIDTHS = (320, 640)
"""The widths each photo is kept in, smallest first."""
