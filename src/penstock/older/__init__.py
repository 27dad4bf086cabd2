"""What older systems left behind, read once and kept as pipelines with JSON artifacts. It never changes its sources."""
