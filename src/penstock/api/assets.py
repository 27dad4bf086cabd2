"""The pages of the documentation, with their scripts from the package: nothing is fetched from elsewhere."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from fastapi import APIRouter, HTTPException
from starlette.responses import FileResponse, HTMLResponse, Response

router = APIRouter(include_in_schema=False)

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
"""Styles stand in the documentation's own scripts; nothing else is taken but what this server serves."""

_FROM_PACKAGE = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "redoc.standalone.js": "text/javascript",
    "favicon.png": "image/png",
}
_OWN = {"docs.js": "text/javascript", "redoc.js": "text/javascript", "penstock.css": "text/css"}
_HEAD = '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n{more}</head>\n'
_ICON = '<link rel="icon" href="/assets/favicon.png">\n'


@router.get("/docs")
def docs() -> HTMLResponse:
    """The operations, to be tried out."""
    head = _HEAD.format(title="Penstock: API", more=f'{_ICON}<link rel="stylesheet" href="/assets/swagger-ui.css">\n')
    scripts = '<script src="/assets/swagger-ui-bundle.js"></script>\n<script src="/assets/docs.js"></script>\n'
    return page(f'{head}<body>\n<div id="swagger-ui"></div>\n{scripts}</body>\n</html>\n')


@router.get("/redoc")
def redoc() -> HTMLResponse:
    """The operations, to be read."""
    head = _HEAD.format(title="Penstock: API", more=_ICON)
    scripts = '<script src="/assets/redoc.standalone.js"></script>\n<script src="/assets/redoc.js"></script>\n'
    return page(f'{head}<body>\n<div id="redoc"></div>\n{scripts}</body>\n</html>\n')


@router.get("/assets/{name}")
def asset(name: str) -> Response:
    """A script, a style or a picture of these pages."""
    headers = {"Cache-Control": "max-age=3600"}
    if name in _OWN:
        text = resources.files("penstock.api").joinpath("files", name).read_text("utf-8")
        return Response(text, media_type=_OWN[name], headers=headers)
    if name in _FROM_PACKAGE:
        path = Path(str(resources.files("fastapi_offline").joinpath("static", name)))
        return FileResponse(path, media_type=_FROM_PACKAGE[name], headers=headers)
    raise HTTPException(404, "there is no such file")


def page(text: str, policy: str = PAGE_POLICY) -> HTMLResponse:
    """A page of ours, with what it may load."""
    return HTMLResponse(text, headers={"Content-Security-Policy": policy})
