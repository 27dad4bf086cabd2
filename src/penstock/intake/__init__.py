"""Plan formats: one file per format, each from the user's text to a domain `Plan`. Nothing here runs anything."""
