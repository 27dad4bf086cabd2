"""Older systems' ways to ask: translations onto the same use cases. No second truth, no second table."""
