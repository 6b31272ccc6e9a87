"""The web application: the pages and the JSON API, on the same command handlers and read models."""

from patientmgmt.web.factory import create_app, stop_background_work

__all__ = ["create_app", "stop_background_work"]
