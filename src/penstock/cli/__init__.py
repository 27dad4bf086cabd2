"""The command line: one file per group of commands over the use cases.

Modules here import nothing heavy until a command runs.
"""
