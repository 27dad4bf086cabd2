"""The shell that awaits: takes events, asks the core, commits, performs commands. It decides nothing itself."""
