"""Penstock's own repository of a project: worktrees, snapshots, merges, the way to the user's repository. `project.py` is the door."""
