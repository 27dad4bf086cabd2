"""What the roles of an epic send and receive in tokens, as JSON and as prose; `python benchmarks/tokens` prints it.

Three measures: what is answered; that and what is sent that no cache can know; everything.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from counting import PACKAGE, VOCABULARY, counted
from ways import ROLES, Call, as_conversation, as_documents, as_json, fixed_texts

from epics import TEST_EPIC, Epic, epics

AGAIN = 0.1
"""So many answers are asked for again in the JSON way, of each role; in prose none is."""
LEAST_CACHED = 1024
"""A beginning shorter than this is cached by no provider."""
TO_QA = ROLES[:-1]
WAYS = {"JSON": as_json, "prose": as_documents, "conversation": as_conversation}
MEASURES = ("output only", "uncached input and output", "everything")


@dataclass(frozen=True, slots=True)
class Used:
    """Tokens of some calls, by the three measures."""

    output: float = 0
    uncached: float = 0
    everything: float = 0

    def __add__(self, other: Used) -> Used:
        return Used(self.output + other.output, self.uncached + other.uncached, self.everything + other.everything)

    def by(self, measure: str) -> float:
        """The tokens of one measure."""
        return dict(zip(MEASURES, (self.output, self.uncached, self.everything), strict=True))[measure]


def used(call: Call, tokens: Mapping[str, int]) -> Used:
    """What a call uses; one that is made again counts for its share."""
    share = AGAIN if call.is_again else 1
    fresh, before, answer = (tokens[text] for text in (call.fresh, call.before, call.answer))
    uncached = fresh + (before if before < LEAST_CACHED else 0)
    return Used(share * answer, share * (uncached + answer), share * (fresh + before + answer))


def total(values: Iterable[Used]) -> Used:
    """All of them."""
    return sum(values, Used())


def less(json_way: float, other: float) -> str:
    """By how much the JSON way takes less."""
    return f"{100 * (1 - json_way / other):.0f} %"


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


class Report:
    """All that was counted."""

    def __init__(self) -> None:
        self.epics = epics()
        self.calls = {(one.name, way): list(make(one)) for one in self.epics for way, make in WAYS.items()}
        self.looser = {
            "blanks after `,` and `:`": [c for one in self.epics for c in as_json(one, blanks=(", ", ": "))],
            "indented by two": [c for one in self.epics for c in as_json(one, blanks=(",", ": "), indent=2)],
        }
        self.fixed = fixed_texts()
        every = [*self.calls.values(), *self.looser.values()]
        texts = [text for calls in every for call in calls for text in (call.fresh, call.before, call.answer)]
        self.tokens = counted([*texts, *self.fixed.values()])

    def of(self, way: str, *, names: Iterable[str] = (), roles: Iterable[str] = TO_QA) -> Used:
        """What a way uses for some epics (all) and roles."""
        chosen = list(names) or [one.name for one in self.epics]
        return total(used(call, self.tokens) for name in chosen for call in self.calls[name, way] if call.role in roles)

    def by_epic(self, measure: str) -> str:
        """pm to qa, epic by epic."""
        rows = [self._row(one.name, measure, names=[one.name]) for one in self.epics]
        return table(self._head("pm → qa"), [*rows, self._row("all", measure)])

    def by_role(self, measure: str) -> str:
        """All epics, role by role."""
        rows = [self._row(role, measure, roles=[role]) for role in ROLES]
        planning = self._row("pm, architect, ba", measure, roles=ROLES[:3])
        without_code = self._row("all but dev", measure, roles=[role for role in ROLES if role != "dev"])
        return table(self._head("all epics"), [*rows, planning, without_code])

    def _head(self, first: str) -> list[str]:
        return [first, *WAYS, "less than prose", "less than conversation"]

    def _row(self, name: str, measure: str, **chosen: Iterable[str]) -> list[str]:
        found = [self.of(way, **chosen).by(measure) for way in WAYS]
        return [name, *(f"{one:,.0f}" for one in found), less(found[0], found[1]), less(found[0], found[2])]

    def test_epic(self) -> str:
        """The test epic, role by role, in the JSON way."""
        calls = self.calls[TEST_EPIC, "JSON"]
        per_role = {role: total(used(call, self.tokens) for call in calls if call.role == role) for role in ROLES}
        per_role["pm → qa"] = total(per_role[role] for role in TO_QA)
        rows = [[role, *(f"{one.by(measure):,.0f}" for measure in MEASURES)] for role, one in per_role.items()]
        return table([f"{TEST_EPIC}, JSON", *MEASURES], rows)

    def fixed_text(self) -> str:
        """Our own words."""
        counts = {role: self.tokens[text] for role, text in self.fixed.items()}
        counts["all six"] = sum(counts.values())
        return table(["fixed text", "tokens"], [[role, f"{count:,}"] for role, count in counts.items()])

    def sensitivity(self) -> str:
        """What becomes of it when models write JSON with more blanks."""
        prose = self.of("prose")
        compact = [call for one in self.epics for call in self.calls[one.name, "JSON"]]
        rows = []
        for name, calls in {"compact": compact, **self.looser}.items():
            found = total(used(call, self.tokens) for call in calls if call.role in TO_QA)
            rows.append([name, *(f"{found.by(m):,.0f} ({less(found.by(m), prose.by(m))})" for m in MEASURES)])
        return table(["answers in JSON (less than prose)", *MEASURES], rows)


def described(one: Epic) -> str:
    """What an epic is."""
    stories, files = len(one.payloads["epic"]["stories"]), one.diff.count("+++ b/")
    return f"* `{one.name}` (stories: {stories}, files: {files}): {one.wish}"


def main() -> None:
    """Count and print."""
    report = Report()
    parts = [
        f"Tokenizer: {VOCABULARY} of {PACKAGE}. Asked again: {AGAIN:.0%} of the answers in JSON, none in prose.",
        "\n".join(described(one) for one in report.epics),
        report.fixed_text(),
        report.test_epic(),
    ]
    for measure in MEASURES:
        parts += [f"### {measure.capitalize()}", report.by_epic(measure), report.by_role(measure)]
    parts += ["### If models write more blanks", report.sensitivity()]
    print("\n\n".join(parts))


if __name__ == "__main__":
    main()
