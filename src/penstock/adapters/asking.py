"""Asks a model once, by pydantic-ai, through the visit's door. Nothing is asked again here: the door repeats what
failed on the way, and who asked decides what to do with an answer that will not do.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.ports.library import CallFailed, Question, Said, StopReason

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import Model, ModelRequestParameters
    from pydantic_ai.settings import ModelSettings

    from penstock.ports import Access, Visit

PATIENCE = 900.0
"""Seconds without a byte after which a call is given up; the door has its own, shorter patience with an upstream."""
STREAMED_FROM = 16_384
"""An answer that may have so many tokens comes as a stream: whole, nothing would be heard of it for too long."""
STOPS = {"stop": StopReason.DONE, "length": StopReason.LENGTH, "content_filter": StopReason.REFUSED}
SCHEMA_REFUSED = (400, 422)


class _SchemaUnfit(CallFailed):
    """The call came to nothing, perhaps for the schema that it held the model to."""


class PydanticAsker:
    """Models behind the door, in whichever protocol they speak.

    A server that knows no structured output refuses a request that asks for it: it is asked once more without, and
    from then on always so.
    """

    def __init__(self) -> None:
        self._without_schema: set[tuple[str, str]] = set()

    async def ask(self, question: Question, visit: Visit) -> Said:
        """The answer, however it ended; CallFailed where there is none."""
        model = (visit.access.protocol, visit.access.model)
        plain = replace(question, schema=None)
        if question.schema is None or model in self._without_schema or not is_strict(question.schema):
            return await _asked(plain, visit.access)
        try:
            return await _asked(question, visit.access)
        except _SchemaUnfit:
            if visit.stop.done():
                raise
        said = await _asked(plain, visit.access)
        self._without_schema.add(model)
        return said


async def _asked(question: Question, access: Access) -> Said:
    # clients of two providers take a second to import, which only planning needs
    import httpx2  # noqa: PLC0415
    from pydantic_ai.exceptions import AgentRunError, UserError  # noqa: PLC0415

    # the door speaks plain HTTP on loopback: to read all authorities that a machine trusts takes 30 ms each time
    trusting_nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    async with httpx2.AsyncClient(trust_env=False, timeout=PATIENCE, verify=trusting_nobody) as client:
        model = _model(access, client)
        parameters = _parameters(model, question)
        is_held = parameters.output_object is not None
        try:
            return _said(await _answered(model, question, parameters))
        except UserError as error:  # a schema that the provider's client finds too rich
            if not is_held:
                raise
            raise _SchemaUnfit(f"the model was not asked: {_words(error)}") from error
        except (AgentRunError, httpx2.HTTPError) as error:
            raise _failed(error, is_held=is_held) from error
        except (ValueError, AttributeError, TypeError) as error:
            # clients take for granted what only their own providers' answers hold: usage, a shape, JSON
            raise CallFailed(f"what came back is no answer of {access.protocol}: {_words(error)}") from error


async def _answered(model: Model, question: Question, parameters: ModelRequestParameters) -> ModelResponse:
    from pydantic_ai import direct  # noqa: PLC0415

    messages, settings = _messages(question), _settings(question)
    if question.max_tokens < STREAMED_FROM:
        return await direct.model_request(model, messages, model_settings=settings, model_request_parameters=parameters)
    streaming = direct.model_request_stream(
        model, messages, model_settings=settings, model_request_parameters=parameters
    )
    async with streaming as stream:
        async for _ in stream:
            pass
        return stream.get()


def _model(access: Access, client: Any) -> Model:  # the type of the client is the SDK's business
    if access.protocol == "anthropic":
        from anthropic import AsyncAnthropic  # noqa: PLC0415
        from pydantic_ai.models.anthropic import AnthropicModel  # noqa: PLC0415
        from pydantic_ai.providers.anthropic import AnthropicProvider  # noqa: PLC0415

        anthropic = AsyncAnthropic(api_key=access.key, base_url=access.base_url, max_retries=0, http_client=client)
        return AnthropicModel(access.model, provider=AnthropicProvider(anthropic_client=anthropic))
    from openai import AsyncOpenAI  # noqa: PLC0415
    from pydantic_ai.models.openai import OpenAIChatModel  # noqa: PLC0415
    from pydantic_ai.providers.openai import OpenAIProvider  # noqa: PLC0415

    openai = AsyncOpenAI(api_key=access.key, base_url=f"{access.base_url}/v1", max_retries=0, http_client=client)
    return OpenAIChatModel(access.model, provider=OpenAIProvider(openai_client=openai))


def _messages(question: Question) -> list[ModelMessage]:
    """What is the same for every epic comes first: that is what caches need."""
    from pydantic_ai.messages import (  # noqa: PLC0415
        ModelRequest,
        ModelResponse,
        SystemPromptPart,
        TextPart,
        UserPromptPart,
    )

    stable = [SystemPromptPart(question.stable)] if question.stable else []
    messages: list[ModelMessage] = [ModelRequest(parts=[*stable, UserPromptPart(question.asked)])]
    for exchange in question.before:
        messages.append(ModelResponse(parts=[TextPart(exchange.answer or "(no answer)")]))
        messages.append(ModelRequest(parts=[UserPromptPart(exchange.complaint)]))
    return messages


def _settings(question: Question) -> ModelSettings:
    settings: dict[str, Any] = {"max_tokens": question.max_tokens, "anthropic_cache_instructions": True}
    if question.temperature is not None:
        settings["temperature"] = question.temperature
    return settings  # type: ignore[return-value]  # a TypedDict that only the provider knows whole


def _parameters(model: Model, question: Question) -> ModelRequestParameters:
    from pydantic_ai.models import ModelRequestParameters  # noqa: PLC0415
    from pydantic_ai.output import OutputObjectDefinition  # noqa: PLC0415

    if question.schema is None or not model.profile.get("supports_json_schema_output", False):
        return ModelRequestParameters()
    return ModelRequestParameters(
        output_mode="native",
        output_object=OutputObjectDefinition(json_schema=dict(question.schema), name="artifact", strict=True),
    )


def is_strict(schema: Mapping[str, Any]) -> bool:
    """Whether a provider can hold a model to a schema to the letter: no part of it may be whatever one likes."""
    return _is_closed(schema) and all(map(_is_closed, schema.get("$defs", {}).values()))


def _is_closed(part: Any) -> bool:  # whatever stands in a schema
    if not isinstance(part, Mapping):
        return False
    if "anyOf" in part:
        return all(map(_is_closed, part["anyOf"]))
    match part.get("type"):
        case "object":
            fields = part.get("properties", {})
            return bool(fields) and part.get("additionalProperties") is False and all(map(_is_closed, fields.values()))
        case "array":
            return _is_closed(part.get("items"))
        case kind:
            return isinstance(kind, str) or bool(part.keys() & {"$ref", "enum", "const"})


def _failed(error: Exception, *, is_held: bool) -> CallFailed:
    from pydantic_ai.exceptions import ModelHTTPError  # noqa: PLC0415

    if isinstance(error, ModelHTTPError):
        status = error.status_code
        kind = _SchemaUnfit if is_held and status in SCHEMA_REFUSED else CallFailed
        return kind(f"the model's upstream answered with HTTP {status}: {_words(error)}", status=status)
    return CallFailed(f"the model gave no answer: {_words(error)}")


def _words(error: Exception) -> str:
    body = getattr(error, "body", None)
    told = body.get("error", body) if isinstance(body, Mapping) else {}
    said = told.get("message") if isinstance(told, Mapping) else None
    return " ".join(str(said or str(error) or type(error).__name__).split())[:500]


def _said(answer: ModelResponse) -> Said:
    from pydantic_ai.messages import TextPart  # noqa: PLC0415

    details = answer.provider_details or {}
    return Said(
        text="".join(part.content for part in answer.parts if isinstance(part, TextPart)) or details.get("refusal", ""),
        stop=STOPS.get(answer.finish_reason or "", StopReason.OTHER),
        stop_told=str(details.get("finish_reason") or answer.finish_reason or ""),
        model=answer.model_name or "",
    )
