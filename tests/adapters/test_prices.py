"""Prices are exact, rounded up once, and never silently nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from genai_prices import Usage, calc_price
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.adapters.prices import ListedPrices
from penstock.domain.errors import Bug, UserError
from penstock.domain.usage import Tokens

AT = datetime(2026, 11, 1, tzinfo=UTC)
LISTED = ListedPrices()
ANTHROPIC = ("main", "anthropic")
OPENAI = ("other", "openai")


def usd(text: str) -> Decimal:
    return Decimal(text)


def test_the_input_of_anthropic_leaves_out_what_a_cache_had_a_part_in_and_each_kind_has_its_price() -> None:
    tokens = Tokens(input=120, output=45, cache_read=5000, cache_write=1000)
    micros, rate = LISTED.cost(*ANTHROPIC, "claude-haiku-4-5", tokens, AT)
    # 120 x $1 + 45 x $5 + 5000 x $0.1 + 1000 x $1.25, for a million
    assert micros == 120 + 225 + 500 + 1250 == 2095
    assert rate.is_known
    assert dict(rate.unit_prices) == {
        "input": "1",
        "output": "5",
        "cache_read": "0.1",
        "cache_write": "1.25",
        "cache_write_long": "2",
        "source": "anthropic/claude-haiku-4-5 of genai-prices 0.2.3",
    }
    assert json.loads(json.dumps(dict(rate.unit_prices)))["output"] == "5"


def test_what_is_written_to_be_kept_for_an_hour_has_its_own_price() -> None:
    micros, _ = LISTED.cost(*ANTHROPIC, "claude-haiku-4-5", Tokens(cache_write=1000, cache_write_long=1000), AT)
    assert micros == 1250 + 2000


def test_a_fraction_of_a_millionth_is_rounded_up_once_at_the_end() -> None:
    # 1 x $0.1 + 1 x $1.25 = 1.35 millionths; rounding each kind would give 3
    assert LISTED.cost(*ANTHROPIC, "claude-haiku-4-5", Tokens(cache_read=1, cache_write=1), AT)[0] == 2
    # 10 x $0.1 = 1 exactly
    assert LISTED.cost(*ANTHROPIC, "claude-haiku-4-5", Tokens(cache_read=10), AT)[0] == 1


def test_beyond_a_length_all_tokens_have_the_higher_price() -> None:
    at_the_edge = Tokens(input=150_000, cache_read=50_000, output=10)
    beyond = Tokens(input=150_001, cache_read=50_000, output=10)
    # $3, $0.3, $15 up to 200,000 tokens read; $6, $0.6, $22.5 beyond
    assert LISTED.cost(*ANTHROPIC, "claude-sonnet-4-5", at_the_edge, AT)[0] == 450_000 + 15_000 + 150
    micros, rate = LISTED.cost(*ANTHROPIC, "claude-sonnet-4-5", beyond, AT)
    assert micros == 900_006 + 30_000 + 225
    assert (rate.unit_prices["input"], rate.unit_prices["output"]) == ("6", "22.5")


def test_a_price_that_has_changed_holds_from_its_day_on() -> None:
    tokens = Tokens(input=300_000)
    before, after = datetime(2026, 3, 12, tzinfo=UTC), datetime(2026, 3, 14, tzinfo=UTC)
    # above 200,000 tokens it cost $10, and since 13 March 2026 it costs $5 at any length
    assert LISTED.cost(*ANTHROPIC, "claude-opus-4-6", tokens, before)[0] == 3_000_000
    assert LISTED.cost(*ANTHROPIC, "claude-opus-4-6", tokens, after)[0] == 1_500_000


def test_a_kind_without_a_price_of_its_own_costs_what_input_costs() -> None:
    # $1.25 input, $0.125 read from a cache; no price for writing
    micros, _ = LISTED.cost(*OPENAI, "gpt-5", Tokens(input=8, cache_read=8, cache_write=8, cache_write_long=8), AT)
    assert micros == 10 + 1 + 10 + 10


@pytest.mark.parametrize("model", ["claude-mythos-5", "stub-model", ""])
def test_an_unknown_model_has_no_cost_and_is_reserved_as_the_dearest_of_its_protocol(model: str) -> None:
    tokens = Tokens(input=1000, output=100)
    micros, rate = LISTED.cost(*ANTHROPIC, model, tokens, AT)
    assert (micros, rate.is_known, dict(rate.unit_prices)) == (None, False, {})
    # claude-3-opus: $75 output, and $18.75 for what is written to a cache
    assert LISTED.worst(*ANTHROPIC, model, tokens, AT) == 18_750 + 100 * 75
    # o1-pro: $150 and $600
    assert LISTED.worst(*OPENAI, model, tokens, AT) == 1000 * 150 + 100 * 600


def test_no_use_of_an_unknown_model_is_not_known_to_be_free() -> None:
    assert LISTED.cost(*ANTHROPIC, "stub-model", Tokens(), AT)[0] is None


@pytest.mark.parametrize("model", ["whisper-1", "moderation", "tts-1"])
def test_a_model_that_is_not_paid_by_tokens_read_and_written_has_no_known_price(model: str) -> None:
    assert LISTED.cost(*OPENAI, model, Tokens(input=5, output=5), AT)[0] is None


def test_an_upstream_may_state_its_price_which_may_be_nothing() -> None:
    prices = ListedPrices(stated={"local": {"input": usd("0"), "output": usd("0")}})
    micros, rate = prices.cost("local", "openai", "gpt-5", Tokens(input=10**6, output=10**6), AT)
    assert (micros, rate.is_known, rate.unit_prices["source"]) == (0, True, "stated")
    assert prices.worst("local", "openai", "anything", Tokens(input=10**6), AT) == 0
    assert prices.cost("other", "openai", "gpt-5", Tokens(input=4), AT)[0] == 5


def test_a_stated_price_goes_before_the_list_and_fills_in_what_it_leaves_out() -> None:
    stated = {"input": usd("2"), "output": usd("7.5"), "cache_read": usd("0.25"), "cache_write": usd("3")}
    prices = ListedPrices(stated={"main": stated})
    tokens = Tokens(input=1, output=1, cache_read=1, cache_write=1, cache_write_long=1)
    # 2 + 7.5 + 0.25 + 3 + 3 = 15.75
    assert prices.cost("main", "anthropic", "claude-haiku-4-5", tokens, AT)[0] == 16


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"input": usd("1")}, "says nothing of output"),
        ({"output": usd("1")}, "says nothing of input"),
        ({"input": usd("1"), "output": usd("1"), "cached": usd("1")}, "names 'cached'"),
        ({"input": usd("-1"), "output": usd("1")}, "for input is -1"),
        ({"input": usd("NaN"), "output": usd("1")}, "for input is NaN"),
        ({"input": usd("1"), "output": usd("Infinity")}, "for output is Infinity"),
    ],
)
def test_a_stated_price_that_makes_no_sense_is_refused(stated: dict[str, Decimal], said: str) -> None:
    with pytest.raises(UserError, match=f"the price of the upstream local {said}"):
        ListedPrices(stated={"local": stated})


def test_assumed_prices_hold_for_what_the_list_lacks_alone_and_are_flagged() -> None:
    prices = ListedPrices(assumed_input=usd("3"), assumed_output=usd("15"))
    tokens = Tokens(input=10, output=10, cache_read=10)
    micros, rate = prices.cost(*OPENAI, "stub-model", tokens, AT)
    assert (micros, rate.is_known) == (30 + 150 + 30, True)
    assert (rate.unit_prices["price_assumed"], rate.unit_prices["source"]) == ("true", "assumed")
    assert prices.worst(*OPENAI, "stub-model", tokens, AT) == 210
    micros, rate = prices.cost(*ANTHROPIC, "claude-haiku-4-5", tokens, AT)
    assert (micros, "price_assumed" in rate.unit_prices) == (10 + 50 + 1, False)


def test_one_assumed_price_alone_is_refused() -> None:
    with pytest.raises(UserError, match="only one of the two"):
        ListedPrices(assumed_input=usd("3"))
    with pytest.raises(UserError, match="the assumed price for output is -1"):
        ListedPrices(assumed_input=usd("3"), assumed_output=usd("-1"))


def test_an_address_that_the_list_knows_has_its_own_prices_and_another_one_those_of_the_protocol() -> None:
    addresses = {"deep": "https://api.deepseek.com/v1", "near": "http://127.0.0.1:9000/v1"}
    prices = ListedPrices(addresses=addresses)
    _, rate = prices.cost("deep", "openai", "deepseek-chat", Tokens(input=1), AT)
    assert rate.unit_prices["source"].startswith("deepseek/")
    assert prices.cost("deep", "openai", "gpt-5", Tokens(input=4), AT)[0] is None
    assert prices.cost("near", "openai", "gpt-5", Tokens(input=4), AT)[0] == 5


def test_a_reservation_takes_input_at_its_dearest_kind_and_an_hour_where_it_is_asked_for() -> None:
    # $1.25 for what is written to a cache, $2 for an hour, $5 output
    assert LISTED.worst(*ANTHROPIC, "claude-haiku-4-5", Tokens(input=100, output=10), AT) == 125 + 50
    assert LISTED.worst(*ANTHROPIC, "claude-haiku-4-5", Tokens(cache_write_long=100), AT) == 200
    # where reading from a cache has a price of its own, it may still turn out that nothing is there to be read
    assert LISTED.worst(*ANTHROPIC, "claude-haiku-4-5", Tokens(cache_read=100), AT) == 125


def test_a_protocol_that_nobody_speaks_is_a_bug() -> None:
    with pytest.raises(Bug, match="no protocol 'smtp'"):
        LISTED.cost("main", "smtp", "m", Tokens(input=1), AT)


some = st.integers(0, 300_000)
any_tokens = st.builds(Tokens, input=some, output=some, cache_read=some, cache_write=some, cache_write_long=some)
models = st.sampled_from(
    [
        (provider.id, model.id)
        for provider in get_snapshot().providers
        if provider.id in ("anthropic", "openai")
        for model in provider.models
    ]
)


@settings(max_examples=150, deadline=None)
@given(which=models, tokens=any_tokens)
def test_every_listed_model_costs_what_the_list_itself_reckons_and_never_more_than_its_reservation(
    which: tuple[str, str], tokens: Tokens
) -> None:
    provider, model = which
    micros, rate = LISTED.cost("main", provider, model, tokens, AT)
    long = tokens.cache_write_long
    asked = Tokens(input=tokens.all_input - long, output=tokens.output, cache_write_long=long)
    reserved = LISTED.worst("main", provider, model, asked, AT)
    assert reserved >= (micros or 0)
    if micros is not None:
        usage = Usage(
            input_tokens=tokens.all_input,
            output_tokens=tokens.output,
            cache_read_tokens=tokens.cache_read,
            cache_write_tokens=tokens.cache_write + tokens.cache_write_long,
            cache_write_1h_tokens=tokens.cache_write_long,
        )
        exact = calc_price(usage, model, provider_id=provider, genai_request_timestamp=AT).total_price * 10**6
        assert micros - 1 < exact <= micros, rate
        assert LISTED.worst("main", provider, "stub-model", tokens, AT) >= micros


def test_the_list_is_not_imported_before_the_first_question() -> None:
    program = (
        "import sys\n"
        "from penstock.adapters.prices import ListedPrices\n"
        "prices = ListedPrices()\n"
        "print('genai_prices' in sys.modules)\n"
        "prices.load()\n"
        "print('genai_prices' in sys.modules)\n"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said == "False\nTrue\n"
