"""One file per step: what is done in the world for an attempt, and the outcome that it comes to."""
