"""Penstock's own repository of a project: worktrees, snapshots, merges, pushes. `project.py` is the door."""
