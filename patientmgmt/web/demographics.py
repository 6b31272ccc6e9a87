"""The page of the patients' ages."""

from flask import Blueprint, render_template

from patientmgmt.web.asked import nothing_asked
from patientmgmt.web.currency import made_of
from patientmgmt.web.services import services
from read_models import demographics as read_model

blueprint = Blueprint("demographics", __name__)


@blueprint.get("/demographics")
@made_of(read_model.MODEL)
def demographics() -> str:
    """Show how many patients there are in each age band, now and in total."""
    nothing_asked()
    bands = services().queries.demographics.bands()
    return render_template(
        "demographics.html",
        bands=bands,
        most_now=max(band.now for band in bands) or 1,
        most_total=max(band.total for band in bands) or 1,
    )
