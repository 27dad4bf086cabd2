"""Documents for people, made from what Views answer: plain text and Markdown. Reads nothing by itself and prints nothing."""
