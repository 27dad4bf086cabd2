import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Documents:
    markdown: str
    html: str


def documents_of(kind: str, model: Any) -> Documents:
    return Documents(markdown=json.dumps(model.model_dump(mode="json"), indent=1), html="")
