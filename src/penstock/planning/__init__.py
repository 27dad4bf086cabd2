"""The phases in which language models plan: what they are asked, what they may answer, and the documents made of it."""
