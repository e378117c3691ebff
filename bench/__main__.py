"""`python -m bench [pages live lunch verdict safety checkout]`: run all benches, or the named ones."""

import sys
from importlib import import_module

NAMES = ("pages", "live", "lunch", "verdict", "safety", "checkout")

for name in [said for said in sys.argv[1:] if said in NAMES] or NAMES:
    import_module(f"bench.{name}").main()
