"""The use cases that look after what runs leave: worktrees, recovery, garbage. None of them ever starts work."""
