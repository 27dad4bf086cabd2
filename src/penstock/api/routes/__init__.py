"""The native API, a file per noun."""
