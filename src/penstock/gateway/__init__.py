"""The one door between agents and models: it counts, limits, remembers, and alone holds providers' keys."""
