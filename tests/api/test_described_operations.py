"""Whatever the description allows, and much that it does not: no operation breaks, and none answers otherwise."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from api_server import made_place, serving
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, BaseSchema, Case, GenerationMode, checks
from schemathesis.core.failures import Failure, FailureGroup

from penstock.config.server import ServerSettings

EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "6"))
CHECKED = (
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.unsupported_method,
)


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BaseSchema]:
    """What a server with some pipelines says of itself; its project has no plan, so that no run begins."""
    place = made_place(tmp_path_factory.mktemp("described"), {})
    with serving(place.penstock(), ServerSettings()) as server:
        server.pipeline()
        yield schemathesis.openapi.from_url(f"{server.url}/openapi.json")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_operation_answers_as_it_is_described(described: BaseSchema, mode: GenerationMode) -> None:
    faults = [found for operation in operations(described) if (found := fault_of(operation, mode))]
    assert not faults, "\n\n".join(faults)


def operations(described: BaseSchema) -> Iterator[APIOperation[Any, Any, Any]]:
    """Every operation of the description."""
    for found in described.get_all_operations():
        yield found.ok()


def fault_of(operation: APIOperation[Any, Any, Any], mode: GenerationMode) -> str:
    """What is wrong with an operation, by some requests that its description allows, or that it does not."""

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def answers(case: Case) -> None:
        case.call_and_validate(checks=list(CHECKED))

    try:
        answers()
    except Unsatisfiable:
        return ""  # nothing can be wrong in a request without any parameter
    except FailureGroup as failures:
        return f"{operation.label}: {failures}"
    except Failure as failure:
        return f"{operation.label}: {failure}"
    return ""
