"""The channels, and for how many days each keeps a release."""

KEEP_DAYS = {
    "stable": 365,
    "beta": 90,
}
