"""What a template may hold: words, variables, conditions and loops over lists; all else is refused with its line."""

from __future__ import annotations

import time

import pytest
from jinja2.exceptions import SecurityError
from prompt_support import assignment, templates, workstream

from penstock.engine.prompts import PromptTemplates, TemplateUnfit, render, shipped
from penstock.engine.prompts.fencing import Fences
from penstock.engine.prompts.language import FENCES, LARGEST, VARIABLES, PromptLanguage, compiled

PLACE = "templates/prompts/edit.txt.j2"


def refusal(text: str) -> str:
    with pytest.raises(TemplateUnfit) as caught:
        render(templates(text), assignment())
    assert caught.value.sentence.startswith(f"the prompt template {PLACE}")
    assert caught.value.hint
    return caught.value.sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a\n{{ taks }}", 'line 2: "taks" is no variable; possible are acceptance_tests, attempt'),
        ("{% if false %}\n\n{{ taks }}{% endif %}", 'line 3: "taks" is no variable'),
        ("\n{{ tasks[99] }}", "line 2: something that it names is not there"),
        ("{% for one in tasks %}\n{{ one.code }}\n{% endfor %}", "line 2: something that it names is not there"),
        ("{% if tasks %}\nx", "line 2: Unexpected end of template"),
        ("{{ tasks | joined }}", 'line 1: the filter "joined" can\'t be used here; possible are capitalize'),
        ("{{ title | safe }}", 'the filter "safe" can\'t be used'),
        ("{% if title is callable %}{% endif %}", 'the test "callable" can\'t be used'),
        ("{% set tasks = 1 %}", '"tasks" is a variable already'),
        ("{% for data in tasks %}{% endfor %}", '"data" is a variable already'),
        ("{{ self }}", '"self" is no variable'),
        ("{{ _fences.data }}", '"_fences" is no variable'),
        ("{{ title.upper }}", "TypeError: a builtin_function_or_method can't be printed"),
        ("{{ title.__class__ }}", "line 1: access to attribute '__class__' of 'str' object is unsafe"),
        ("{{ data.__self__ }}", "is unsafe"),
        ("{{ data }}", "can't be printed"),
        ("{{ title.format(1) }}", "nothing can be called but data(text, label)"),
        ("{{ data() }}", "TypeError"),
        ("{{ loop.cycle('a', 'b') }}", "nothing can be called"),
        ("{% for a in tasks recursive %}{{ loop(tasks) }}{% endfor %}", "a loop goes over one of the lists"),
        ("{% for a in title %}x{% endfor %}", "a loop goes over one of the lists: acceptance_tests"),
        ("{% for a in range(10) %}x{% endfor %}", "a loop goes over one of the lists"),
        ("{% for a in [1, 2] %}x{% endfor %}", "a loop goes over one of the lists"),
        ("{% for a in tasks %}{% for b in a %}x{% endfor %}{% endfor %}", "a loop goes over one of the lists"),
        ("{% for a in tasks %}" * 3 + "{% endfor %}" * 3, "line 1: loops may be 2 deep at most"),
        ("{% for a in tasks %}{% endfor %}" * 21, "a template may have 20 loops at most"),
        ("{% for a in tasks %}" * 200 + "{% endfor %}" * 200, "a template may have 20 loops at most"),
        ("{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}", "macro can't be used here"),
        ("{% include '/etc/passwd' %}", "include can't be used here"),
        ("{% import 'x' as x %}", "import can't be used here"),
        ("{% extends 'x' %}", "extends can't be used here"),
        ("{% block a %}{% endblock %}", "block can't be used here"),
        ("{% set a %}x{% endset %}", "assignblock can't be used here"),
        ("{% filter upper %}x{% endfilter %}", "filterblock can't be used here"),
        ("{% call data() %}x{% endcall %}", "callblock can't be used here"),
        ("{% with a = 1 %}{% endwith %}", "with can't be used here"),
        ("{{ 'a' * 1000000000 }}", "mul can't be used here"),
        ("{{ 9 ** 9 ** 9 }}", "pow can't be used here"),
        ("{{ '%099999999d' % 1 }}", "mod can't be used here"),
        ("{{ title + title }}", "add can't be used here"),
        ("{{ title ~ title }}", "concat can't be used here"),
        ("{{ {'a': 1} }}", "dict can't be used here"),
        ("{{ " + "9" * 5000 + " }}", "it can't be read"),
        ("{{ " + "(" * 5000 + ")" * 5000 + " }}", "it can't be read"),
        ("{% if a %}" * 3000 + "{% endif %}" * 100, "can't be read"),
        ("x" * (LARGEST + 1), "it holds more than 32768 characters"),
    ],
)
def test_what_a_prompt_does_not_need_is_refused_by_template_and_line(text: str, sentence: str) -> None:
    assert sentence in refusal(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{% raw %}{{ x }}{% endraw %}{# no #}", "{{ x }}"),
        ("{% if tasks | length > 1 and not note %}two{% else %}one{% endif %}", "two"),
        ("{% set a = 'x' if gate == 1 else 'y' %}{{ a }}", "x"),
        ("{% for a in tasks[:1] %}{{ loop.index }}{{ loop.last }}{% endfor %}", "1True"),
        ("{% for a in files_create or files_scope if a is ne('b') %}{{ loop.length }}{% endfor %}", "1"),
        ("{% for a in tasks | sort | unique %}{{ loop.index }} {% else %}none{% endfor %}", "1 2 "),
        ("{% for a in error_summaries %}x{% else %}none{% endfor %}", "none"),
        ("{{ title | length }} {{ ccpm_issue | default('') }} {{ 'a' in ws_id }} {{ none }}", "14 42 False "),
        ("{{ data('') }}{{ data(note, 'n') }}.", "."),
    ],
)
def test_what_a_prompt_needs_is_there(text: str, shown: str) -> None:
    assert render(templates(text), assignment()).split("\n\n", 1)[1] == shown + "\n"


@pytest.mark.parametrize("called", [print, str.upper, Fences("ab", 10).data, Fences("ab", 10).on_lines])
def test_a_call_of_anything_else_ends_where_it_is_made_though_no_check_saw_it(called: object) -> None:
    unchecked = PromptLanguage().from_string('{{ got("x") }}')
    with pytest.raises(SecurityError, match="nothing can be called but data"):
        unchecked.render({"got": called, FENCES: Fences("cd", 10)})


@pytest.mark.parametrize("fences", [None, "none"])
def test_without_fences_nothing_is_printed(fences: object) -> None:
    with pytest.raises(SecurityError, match="with its fences"):
        PromptLanguage().from_string("{{ text }}").render({"text": "not ours", FENCES: fences})


def test_the_names_of_the_language_are_those_that_an_assignment_fills() -> None:
    from penstock.engine.prompts.assignment import variables_of

    assert {*variables_of(assignment(), str), "data"} == VARIABLES


def test_nothing_comes_from_a_disk_and_nothing_depends_on_chance() -> None:
    language = PromptLanguage()
    assert language.loader is None
    assert language.globals == {}
    assert not {"random", "shuffle"} & {*language.filters}


def test_the_longest_that_a_template_can_work_is_bounded() -> None:
    many = workstream(tasks=("a",) * 10_000)
    inner = "{% for b in tasks %}{% if a == b and b != a %}x{% endif %}{% endfor %}"
    text = f"{{% for a in tasks %}}{inner}{{% endfor %}}" * 10
    began = time.process_time()
    render(templates(text), assignment(workstream=many))
    assert time.process_time() - began < 20


def test_a_template_is_read_once() -> None:
    own = shipped("edit")
    assert compiled(own.place, own.text) is compiled(own.place, own.text)
    assert PromptTemplates().edit.is_shipped
