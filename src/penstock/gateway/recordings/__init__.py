"""What a recording is: its keys, its places, its files, and how two requests are compared."""
