"""The map of the field: all papers as points in a plane, neighbours by meaning, with regions that have names."""

from reprise.site.atlas.apart import MapDrawer
from reprise.site.atlas.build import Atlas, Region, build_atlas, read_atlas
from reprise.site.atlas.layout import lay_out

__all__ = ["Atlas", "MapDrawer", "Region", "build_atlas", "lay_out", "read_atlas"]
