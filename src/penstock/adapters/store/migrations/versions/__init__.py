"""One file per migration, its number first."""
