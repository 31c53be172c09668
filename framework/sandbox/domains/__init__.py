"""The operations by area. A new area is a module here with a `Domain` named DOMAIN, listed in `catalog.py`."""
