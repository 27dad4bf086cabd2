"""The door to models, made of the user's settings: where they are, what they cost, who counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.adapters.prices import ListedPrices
from penstock.adapters.store.journal import SqlJournal
from penstock.adapters.store.ledger import SqlLedger
from penstock.config.settings import Settings
from penstock.domain.budget import MarkReached
from penstock.domain.errors import UserError
from penstock.domain.events import BudgetMarked
from penstock.domain.redaction import Redactor
from penstock.domain.usage import Caller
from penstock.gateway.directory import Directory
from penstock.gateway.keys import ProviderKeys
from penstock.gateway.opening import Opening
from penstock.gateway.settings import BUILT_IN, GatewaySettings, ModelsSettings, UpstreamSettings, UpstreamsSettings
from penstock.ports import Clock

if TYPE_CHECKING:
    from penstock.gateway.library import Library


@dataclass(kw_only=True)
class ModelDoors:
    """What is needed to reach models. Nothing of it is made before it is asked for."""

    home: Path
    settings: Settings
    secrets: tuple[str, ...]
    """What must not stand in a recording."""
    environ: Mapping[str, str]
    clock: Clock
    ledger: Callable[[], SqlLedger]
    journal: Callable[[], SqlJournal]

    @cached_property
    def directory(self) -> Directory:
        """Which models there are, and where their keys are."""
        return Directory(
            upstreams=self.settings.node(UpstreamsSettings),
            models=self.settings.node(ModelsSettings),
            gateway=self.settings.node(GatewaySettings),
            keys=ProviderKeys(self.environ),
        )

    @property
    def key_names(self) -> frozenset[str]:
        """The variables that hold a provider's key, or may."""
        sources = (upstream.key or "" for upstream in self._upstreams.values())
        return frozenset(name for source in sources if source.startswith("env:") for name in source[4:].split(","))

    @property
    def _upstreams(self) -> Mapping[str, UpstreamSettings]:
        upstreams = self.settings.node(UpstreamsSettings)
        known = {name: upstreams.named(name) for name in (*BUILT_IN, *upstreams.upstreams)}
        return {name: upstream for name, upstream in known.items() if upstream is not None}

    @cached_property
    def models(self) -> Opening:
        """The one door to every model."""
        return Opening(
            directory=self.directory,
            settings=self.settings.node(GatewaySettings),
            ledger=self.ledger,
            prices=self._prices,
            clock=self.clock,
            library=self._library,
            tell=self._tell,
        )

    def _library(self) -> Library:
        from penstock.gateway.library import Library  # noqa: PLC0415 - only needed once the door opens

        return Library(
            projects=self.home / "projects",
            settings=self.settings.node(GatewaySettings),
            redact=Redactor(self.secrets).without_keys,
        )

    def _prices(self) -> ListedPrices:
        there = self._upstreams
        tables = {name: upstream.price.table for name, upstream in there.items()}
        assumed = [self.environ.get(f"ANTHROPIC_{kind}_PRICE_PER_MTK") for kind in ("INPUT", "OUTPUT")]
        return ListedPrices(
            stated={name: table for name, table in tables.items() if table is not None},
            addresses={name: upstream.base_url for name, upstream in there.items()},
            assumed_input=_dollars(assumed[0]),
            assumed_output=_dollars(assumed[1]),
        )

    async def _tell(self, caller: Caller, mark: MarkReached) -> None:
        if caller.run:
            level = mark.account.level
            await self.journal().post(caller.run, BudgetMarked(level=level, mark=mark.mark, sentence=mark.sentence))


def _dollars(text: str | None) -> Decimal | None:
    try:
        return None if not text else Decimal(text)
    except InvalidOperation:
        raise UserError(f"{text!r} is no price", hint="write dollars per million tokens, like 3 or 0.25") from None
