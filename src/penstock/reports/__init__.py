"""Documents for people, made from what Views answer. They read nothing by themselves and print nothing."""
