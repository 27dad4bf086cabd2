"""What the agents of a run are told, from its first attempt on."""

from __future__ import annotations

from engine_support import World, awaited, workstream

from penstock.adapters.memory import MemoryProject
from penstock.domain.states import RunState
from penstock.ports import AgentTask


@awaited
async def test_an_agent_is_given_what_the_project_says_and_a_fix_what_was_wrong() -> None:
    prompts: list[str] = []

    def edit(task: AgentTask, files: dict[str, str]) -> None:
        prompts.append(task.prompt)
        files["src/a.txt"] = f"{len(prompts)}\n"

    def judge(_command: str, tree: object) -> int:
        return 0 if dict(tree).get("src/a.txt") == "2\n" else 1  # type: ignore[call-overload]

    project = MemoryProject(edit=edit, judge=judge, files={"CLAUDE.md": "Be kind."})
    run = await World(workstreams=[workstream("a")], project=project).start()
    assert run.state is RunState.COMPLETED
    first, second = prompts
    assert "Be kind." in first
    assert "Be kind." in second
    assert "# Workstream a: edit" in first
    assert "# Workstream a: fix, attempt 1" in second
    assert "accept a" in second.split("## Problems")[1].split("## Objectives")[0]
