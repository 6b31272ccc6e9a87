"""The read models of the hospital: what pages are made of, each in a module or folder of its own.

A module with a ``MODEL`` is a read model; adding one is adding its module. The machine that keeps
them up to date, :mod:`projections`, knows none of them.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from projections.read_model import ReadModel


def find_all() -> dict[str, ReadModel[Any, Any]]:
    """Return all read models by name."""
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    found = [module.MODEL for module in modules if hasattr(module, "MODEL")]
    return {model.name: model for model in sorted(found, key=lambda model: model.name)}
