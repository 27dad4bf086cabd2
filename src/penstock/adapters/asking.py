"""Asks a model once, by pydantic-ai, through the visit's door. Nothing is asked again here: the door repeats what
failed on the way, and who asked decides what to do with an answer that will not do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from penstock.ports.library import CallFailed, Question, Said, StopReason

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import Model, ModelRequestParameters
    from pydantic_ai.settings import ModelSettings

    from penstock.ports import Access, Visit

PATIENCE = 900.0
"""Seconds without a byte after which a call is given up; the door has its own, shorter patience with an upstream."""
STOPS = {"stop": StopReason.DONE, "length": StopReason.LENGTH, "content_filter": StopReason.REFUSED}


class PydanticAsker:
    """Models behind the door, in whichever protocol they speak."""

    async def ask(self, question: Question, visit: Visit) -> Said:
        """The answer, however it ended; CallFailed where there is none."""
        # a client of two providers takes a second to import, which only planning needs
        import httpx2  # noqa: PLC0415
        from pydantic_ai import direct  # noqa: PLC0415
        from pydantic_ai.exceptions import AgentRunError  # noqa: PLC0415

        access = visit.access
        async with httpx2.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
            model = _model(access, client)
            try:
                answer = await direct.model_request(
                    model,
                    _messages(question),
                    model_settings=_settings(access.protocol, question),
                    model_request_parameters=_parameters(model, question),
                )
            except AgentRunError as error:
                raise _failed(error) from error
        return _said(answer)


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
    from pydantic_ai.messages import (  # noqa: PLC0415
        ModelRequest,
        ModelResponse,
        SystemPromptPart,
        TextPart,
        UserPromptPart,
    )

    first = ModelRequest(parts=[SystemPromptPart(question.stable), UserPromptPart(question.asked)])
    messages: list[ModelMessage] = [first]
    for exchange in question.before:
        messages.append(ModelResponse(parts=[TextPart(exchange.answer or "(no answer)")]))
        messages.append(ModelRequest(parts=[UserPromptPart(exchange.complaint)]))
    return messages


def _settings(protocol: str, question: Question) -> ModelSettings:
    settings: dict[str, Any] = {"max_tokens": question.max_tokens}
    if question.temperature is not None:
        # Anthropic's client has no such parameter any more; models that still take it get it in the body
        body = {"extra_body": {"temperature": question.temperature}}
        settings |= body if protocol == "anthropic" else {"temperature": question.temperature}
    if protocol == "anthropic":
        settings["anthropic_cache_instructions"] = True
    return settings  # type: ignore[return-value]  # a TypedDict that only the provider knows whole


def _parameters(model: Model, question: Question) -> ModelRequestParameters:
    from pydantic_ai.models import ModelRequestParameters  # noqa: PLC0415
    from pydantic_ai.output import OutputObjectDefinition  # noqa: PLC0415

    schema = None if question.schema is None else closed(question.schema)
    if schema is None or not model.profile.get("supports_json_schema_output", False):
        return ModelRequestParameters()
    return ModelRequestParameters(
        output_mode="native",
        output_object=OutputObjectDefinition(json_schema=schema, name="artifact", strict=True),
    )


def closed(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema if a provider can hold a model to it to the letter; None if some part of it may be any object."""
    return dict(schema) if all(_is_closed(part) for part in _parts(schema)) else None


def _is_closed(part: Mapping[str, Any]) -> bool:
    if part.get("type") == "object":
        return bool(part.get("properties")) and not part.get("additionalProperties", False)
    return bool(part.keys() & {"type", "$ref", "anyOf", "enum", "const"}) or "properties" not in part


def _parts(value: Any) -> Sequence[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, Mapping):
            if "type" in one or "$ref" in one:
                found.append(one)
            left += one.values()
        elif isinstance(one, list):
            left += one
    return found


def _failed(error: Exception) -> CallFailed:
    from pydantic_ai.exceptions import ModelHTTPError  # noqa: PLC0415

    if isinstance(error, ModelHTTPError):
        return CallFailed(
            f"the model's upstream answered with HTTP {error.status_code}: {_words(error)}", status=error.status_code
        )
    return CallFailed(f"the model gave no answer: {_words(error)}")


def _words(error: Exception) -> str:
    body = getattr(error, "body", None)
    told = body.get("error", {}) if isinstance(body, Mapping) else {}
    said = told.get("message") if isinstance(told, Mapping) else None
    return " ".join(str(said or error).split())[:500]


def _said(answer: ModelResponse) -> Said:
    from pydantic_ai.messages import TextPart  # noqa: PLC0415

    text = "".join(part.content for part in answer.parts if isinstance(part, TextPart))
    told = str((answer.provider_details or {}).get("finish_reason") or answer.finish_reason or "")
    return Said(
        text=text,
        stop=STOPS.get(answer.finish_reason or "", StopReason.OTHER),
        stop_told=told,
        model=answer.model_name or "",
    )
