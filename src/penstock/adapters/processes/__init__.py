"""Starts, watches and stops processes, so that none outlives its attempt. Import the modules, not this package.

`launcher` is the door; `request` holds the values; `reaping` serves a take-over, `floors` the decision to start.
This file stays empty of imports: a zygote runs on a bare interpreter and passes through here.
"""
