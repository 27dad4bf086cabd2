"""The known sentences of acceptance, executed by Penstock itself in a clean checkout. Reads files; runs nothing."""
