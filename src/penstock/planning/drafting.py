"""From what the analysis and the architecture say to drafts of workstreams. Judges nothing: paths stay as written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from penstock.planning.components import Component, key_of, named
from penstock.planning.drafts import LONGEST_COMMAND, Draft
from penstock.planning.payloads import Payload, one_line, paths_in, rows_in, text_in, texts_in
from penstock.planning.stories import StoryTold, mentioning

_TEST_NAMES = ("test_{stem}{suffix}", "{stem}_test{suffix}", "{stem}.test{suffix}", "{stem}.spec{suffix}")
_BESIDE = {".go": "{stem}_test{suffix}", ".js": "{stem}.test{suffix}", ".ts": "{stem}.test{suffix}"}
_BESIDE |= {".jsx": "{stem}.test{suffix}", ".tsx": "{stem}.test{suffix}", ".mjs": "{stem}.test{suffix}"}


def from_workstreams(
    analysis: Payload, components: Sequence[Component], stories: Mapping[str, StoryTold], files: Collection[str] | None
) -> tuple[Draft, ...]:
    """The drafts that the analysis has written itself."""
    rows = enumerate(rows_in(analysis, "workstreams"), 1)
    return tuple(_from_row(row, number, components, stories, files) for number, row in rows)


def _from_row(
    row: Payload,
    number: int,
    components: Sequence[Component],
    stories: Mapping[str, StoryTold],
    files: Collection[str] | None,
) -> Draft:
    component = named(components, text_in(row, "component"))
    scope, create = paths_in(row, "files_scope"), paths_in(row, "files_create")
    if not scope and not create and component is not None and component.file_path:
        scope = (component.file_path, *tests_of(component, files))
    title = one_line(text_in(row, "title"))
    name = one_line(text_in(row, "id")) or title or f"{number}"
    wanted = [stories[key] for item in texts_in(row, "stories") if (key := key_of(item)) in stories]
    tasks = texts_in(row, "tasks") or _tasks_of(component) or ((title,) if title else ())
    return Draft(
        name=name,
        title=title or name,
        component=component.name if component else one_line(text_in(row, "component")),
        tasks=(*tasks, *(story.told for story in wanted)),
        files_scope=scope,
        files_create=create,
        waits_for=texts_in(row, "depends_on"),
        acceptance=texts_in(row, "acceptance", longest=2 * LONGEST_COMMAND),
        criteria=tuple(criterion for story in wanted for criterion in story.criteria),
        acceptance_files=paths_in(row, "acceptance_files"),
        notes=component.notes if component else "",
        stories=texts_in(row, "stories"),
    )


def from_components(
    architecture: Payload,
    components: Sequence[Component],
    stories: Mapping[str, StoryTold],
    files: Collection[str] | None,
) -> tuple[Draft, ...]:
    """One draft per component, in document order; what stories say of none of them is asked of the last one."""
    left = dict(stories)
    drafts = []
    for component in components:
        told = mentioning(left.values(), [component.name, component.file_path])
        is_last = component is components[-1]
        mine = tuple(left.values()) if is_last else told
        left = {key: story for key, story in left.items() if story not in mine}
        drafts.append(
            Draft(
                name=component.name,
                title=one_line(f"Build {component.name}", 100),
                component=component.name,
                tasks=(*_tasks_of(component), *(story.told for story in mine)),
                files_scope=(component.file_path, *tests_of(component, files)) if component.file_path else (),
                acceptance=texts_in(architecture, "acceptance_criteria") if is_last else (),
                criteria=tuple(criterion for story in mine for criterion in story.criteria),
                notes=component.notes,
                stories=tuple(story.id for story in mine),
            )
        )
    return tuple(drafts)


def _tasks_of(component: Component | None) -> tuple[str, ...]:
    if component is None:
        return ()
    what = f": {component.purpose}" if component.purpose else ""
    where = f" in {component.file_path}" if component.file_path else ""
    return (f"Build {component.name}{where}{what}", "Write tests of it that fail without it.")


def tests_of(component: Component, files: Collection[str] | None) -> tuple[str, ...]:
    """Where a component's tests lie: as the architecture says, as they are already, else where one would put them."""
    if component.test_paths:
        return component.test_paths
    path = PurePosixPath(component.file_path)
    if not path.suffix or path.name.startswith("test_"):
        return ()
    names = {name.format(stem=path.stem, suffix=path.suffix) for name in _TEST_NAMES}
    found = sorted(file for file in files or () if file.rpartition("/")[2] in names)
    return tuple(found[:10]) or tuple(_usual_places(path))


def _usual_places(path: PurePosixPath) -> Iterator[str]:
    if path.suffix in _BESIDE:
        yield str(path.with_name(_BESIDE[path.suffix].format(stem=path.stem, suffix=path.suffix)))
    elif path.suffix == ".py":
        yield f"tests/**/test_{path.stem}.py"
