"""Documents for people, made from validated artifacts: Markdown by a template per type, HTML from that Markdown.

No value is ever read as a template, as Markdown or as HTML. Documents are made anew from JSON and never read back.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from html import escape

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt

from penstock.planning.artifacts import Shape, canonical_type
from penstock.planning.documents import marking


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """An artifact for people."""

    markdown: str
    html: str


def documents_of(artifact_type: str, model: Shape) -> Documents:
    """The documents of an artifact."""
    kind = canonical_type(artifact_type)
    markdown = _markdown(kind, model)
    return Documents(markdown=markdown, html=_html(markdown, kind))


def _markdown(kind: str, model: Shape) -> str:
    written = _environment().get_template(f"{kind}.md.j2").render(it=model)
    return f"{written.strip()}\n"


def _html(markdown: str, kind: str) -> str:
    body = MarkdownIt("commonmark", {"html": False}).render(markdown)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8">'
        f"<title>{escape(kind)}</title></head>\n<body>\n{body}</body>\n</html>\n"
    )


@cache
def _environment() -> Environment:
    environment = Environment(  # noqa: S701 - this is Markdown: `finalize` escapes all that is printed
        loader=PackageLoader("penstock.planning.documents"),
        finalize=marking.shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "code": marking.code,
        "fence": marking.fence,
        "bullets": marking.bullets,
        "fields": marking.fields,
    }
    return environment
