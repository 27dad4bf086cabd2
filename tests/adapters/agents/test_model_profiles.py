"""How aider is told to work with a model."""

from __future__ import annotations

from penstock.adapters.agents.model_profiles import ModelProfile, profile_for

DIFF, WHOLE = ModelProfile(map_tokens=7), ModelProfile(edit_format="whole")


def test_the_first_name_that_has_a_profile_counts_then_the_default_then_the_plainest() -> None:
    profiles = {"strong": DIFF, "gpt-9": WHOLE}
    assert profile_for(profiles, "strong", "gpt-9") is DIFF
    assert profile_for(profiles, "alias", "gpt-9") is WHOLE
    assert profile_for({**profiles, "default": WHOLE}, "other") is WHOLE
    assert profile_for(profiles, "other") == profile_for({}) == ModelProfile(edit_format="diff", map_tokens=0)
