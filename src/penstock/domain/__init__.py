"""What is true: values and rules. No I/O, no clock, no randomness, no logging, no third-party import."""
