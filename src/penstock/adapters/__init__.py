"""One folder or file per outside thing.

Each implements a port, knows none of its siblings but `processes`, and is chosen in `bootstrap`.
"""
