"""Which model a name means, at which upstream, with which key. What is missing is said before a run starts."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from penstock.domain.errors import UserError
from penstock.gateway.keys import KeyMissing, ProviderKey, ProviderKeys
from penstock.gateway.settings import (
    BUILT_IN,
    REPLAY,
    GatewaySettings,
    ModelSettings,
    ModelsSettings,
    UpstreamSettings,
    UpstreamsSettings,
)


class NoSuchModel(UserError):
    """A model is asked for that the user's configuration does not have."""


class ModelUnfit(UserError):
    """A model whose upstream speaks nothing that the agent does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a model's calls go."""

    upstream: str
    settings: UpstreamSettings
    model: str
    """As the upstream calls it."""
    protocol: str
    """anthropic or openai."""
    key: ProviderKey
    max_output: int
    is_replay: bool = False

    @property
    def default_output(self) -> int:
        """The limit put in where a request has none."""
        return min(self.settings.default_output, self.max_output)


class Directory:
    """Names to destinations, by the user's settings."""

    def __init__(
        self, *, upstreams: UpstreamsSettings, models: ModelsSettings, gateway: GatewaySettings, keys: ProviderKeys
    ) -> None:
        self._upstreams = upstreams
        self._models = models
        self._answers_for_all = gateway.upstream
        self._keys = keys

    @property
    def names(self) -> list[str]:
        """The models that have a name of the user's own."""
        return sorted(self._models.models)

    @property
    def is_replay(self) -> bool:
        """Whether an upstream that plays recordings answers for all others."""
        upstream = self._upstreams.named(self._answers_for_all) if self._answers_for_all else None
        return upstream is not None and upstream.protocol == REPLAY

    def find(self, name: str, protocols: Sequence[str] = ()) -> Destination:
        """Where a model's calls go. `protocols`: what the agent speaks, the best first; none if it does not matter."""
        model = self._model(name)
        own = self._upstream(model.upstream, name)
        chosen = self._upstream(self._answers_for_all, name) if self._answers_for_all else own
        upstream = self._answers_for_all or model.upstream
        protocol = own.protocol if own.protocol != REPLAY else next(iter(protocols), "anthropic")
        if protocols and protocol not in protocols:
            raise ModelUnfit(
                f'the model "{name}" is at the upstream {model.upstream}, which speaks {protocol}; '
                f"the agent speaks {' or '.join(protocols)}",
                hint="give it a model of another upstream, or another agent",
            )
        if chosen.protocol not in {protocol, REPLAY}:
            raise ModelUnfit(
                f'[gateway] upstream = "{upstream}" speaks {chosen.protocol}, but the model "{name}" wants {protocol}',
                hint=f'name an upstream that speaks {protocol}, or "{REPLAY}"',
            )
        return Destination(
            upstream=upstream,
            settings=chosen,
            model=model.model,
            protocol=protocol,
            key=self._key(upstream, chosen),
            max_output=min(model.max_output or own.max_output, own.max_output),
            is_replay=chosen.protocol == REPLAY,
        )

    def replayed(self, name: str, protocols: Sequence[str] = ()) -> Destination:
        """The recording in place of a model: neither its upstream nor its key need be there any more."""
        try:
            model = self._model(name)
        except NoSuchModel:
            model = ModelSettings(upstream=REPLAY, model=name or "recorded")
        own = self._upstreams.named(model.upstream)
        speaks = own.protocol if own is not None and own.protocol != REPLAY else next(iter(protocols), "anthropic")
        return Destination(
            upstream=REPLAY,
            settings=BUILT_IN[REPLAY],
            model=model.model,
            protocol=speaks,
            key=self._keys.find(""),
            max_output=BUILT_IN[REPLAY].max_output,
            is_replay=True,
        )

    def _model(self, name: str) -> ModelSettings:
        if (own := self._models.models.get(name)) is not None:
            return own
        if not name:
            raise NoSuchModel("no model is named", hint='name one: `model = "UPSTREAM/MODEL"` or a name from [models]')
        try:
            return ModelSettings.named(name)
        except ValueError:
            near = difflib.get_close_matches(name, self.names, n=1)
            raise NoSuchModel(
                f'there is no model "{name}"' + (f'; did you mean "{near[0]}"?' if near else ""),
                hint='add `NAME = "UPSTREAM/MODEL"` to [models] of your own configuration'
                + (f"; known there: {', '.join(self.names)}" if self.names else ""),
            ) from None

    def _upstream(self, name: str, model: str) -> UpstreamSettings:
        found = self._upstreams.named(name)
        if found is None:
            raise NoSuchModel(
                f'the model "{model}" is at the upstream "{name}", which is not one of: '
                f"{', '.join(sorted(self._upstreams.upstreams))}",
                hint=f"declare [upstreams.{name}] in your own configuration",
            )
        return found

    def _key(self, name: str, upstream: UpstreamSettings) -> ProviderKey:
        try:
            return self._keys.find(upstream.key or "")
        except KeyMissing as error:
            raise KeyMissing(f"the upstream {name} can't be asked: {error.sentence}", hint=error.hint) from error
