"""Errors of our own in the words of each provider, with statuses by which clients retry what is worth a retry."""

from __future__ import annotations

import json
from collections.abc import Mapping

from penstock.gateway.wire import Refusal

STATUS: Mapping[Refusal, int] = {
    Refusal.BAD_REQUEST: 400,
    Refusal.BAD_KEY: 401,
    Refusal.NO_SUCH_MODEL: 404,
    Refusal.BUDGET: 400,
    Refusal.TOO_MANY_CALLS: 400,
    Refusal.RATE_LIMITED: 429,
    Refusal.UPSTREAM: 502,
}

_ANTHROPIC: Mapping[Refusal, str] = {
    Refusal.BAD_KEY: "authentication_error",
    Refusal.NO_SUCH_MODEL: "not_found_error",
    Refusal.BUDGET: "billing_error",
    Refusal.RATE_LIMITED: "rate_limit_error",
    Refusal.UPSTREAM: "api_error",
}
_OPENAI: Mapping[Refusal, tuple[str, str]] = {
    Refusal.BAD_KEY: ("invalid_request_error", "invalid_api_key"),
    Refusal.NO_SUCH_MODEL: ("invalid_request_error", "model_not_found"),
    Refusal.BUDGET: ("insufficient_quota", "budget_exhausted"),
    Refusal.TOO_MANY_CALLS: ("invalid_request_error", "too_many_calls"),
    Refusal.RATE_LIMITED: ("rate_limit_error", "rate_limit_exceeded"),
    Refusal.UPSTREAM: ("server_error", "upstream_failed"),
}


def anthropic(kind: Refusal, sentence: str) -> tuple[int, bytes]:
    """As Anthropic says it."""
    error = {"type": _ANTHROPIC.get(kind, "invalid_request_error"), "message": sentence}
    return STATUS[kind], json.dumps({"type": "error", "error": error}).encode()


def openai(kind: Refusal, sentence: str) -> tuple[int, bytes]:
    """As OpenAI says it."""
    type_, code = _OPENAI.get(kind, ("invalid_request_error", "invalid_request"))
    error = {"message": sentence, "type": type_, "param": None, "code": code}
    return STATUS[kind], json.dumps({"error": error}).encode()
