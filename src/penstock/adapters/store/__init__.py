"""The store: runs, events, commands and the inbox in one SQLite database. Import the modules, not this package.

`opening.open_database` is the door; `memory.MemoryJournal` keeps everything in this process and writes nothing.
This file stays empty of imports, so that starting up pays only for what is used.
"""
