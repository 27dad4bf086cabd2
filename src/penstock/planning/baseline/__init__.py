"""What those who plan see of the code: what the epic names, within so many tokens, the same for the same commit."""

from penstock.planning.baseline.composing import Baseline, baseline_code

__all__ = ["Baseline", "baseline_code"]
