"""What each file of these tests begins with: its `begun` makes it once, and every test finds it untouched."""

from __future__ import annotations

import pytest
from care_desk import Beginning, Desk


@pytest.fixture(scope="module")
def beginning(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Beginning:
    return Beginning(tmp_path_factory.mktemp("desk"), request.module.begun)


@pytest.fixture
def desk(beginning: Beginning) -> Desk:
    return beginning.again()
