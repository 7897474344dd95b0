"""The map of the field, as a picture and as lists."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import select

from reprise.catalogue import FAMILIES
from reprise.site.atlas import read_atlas
from reprise.site.store.tables import SHOWN, Paper
from reprise.site.web.context import Reading, SiteHere
from reprise.site.web.render import page

router = APIRouter()


@router.get("/map", response_class=HTMLResponse)
def show(request: Request, site: SiteHere, session: Reading) -> HTMLResponse:
    """Show the map; below it the same regions as lists of papers."""
    atlas = read_atlas(site.settings.folder)
    regions = [region for region in atlas.regions if region.level == 1] if atlas else []
    wanted = {number for region in regions for number in region.papers}
    papers = {
        paper.id: paper for paper in session.scalars(select(Paper).where(Paper.id.in_(wanted), Paper.state == SHOWN))
    }
    return page(
        request,
        "map.html",
        view="map",
        atlas=atlas,
        regions=regions,
        papers=papers,
        families=FAMILIES,
    )


@router.get("/map.json")
def data(request: Request, site: SiteHere) -> Response:
    """Give the map's data; unchanged as long as its digest is."""
    atlas = read_atlas(site.settings.folder)
    if atlas is None:
        return Response('{"points": [], "regions": [], "families": []}', media_type="application/json")
    tag = f'"{atlas.digest}"'
    headers = {"etag": tag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(atlas.model_dump_json(), media_type="application/json", headers=headers)
