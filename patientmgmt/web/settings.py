"""The web application's configuration as the environment has it."""

from collections.abc import Mapping
from pathlib import Path

from patientmgmt.web.server import secret_key

READY_LAG = "PATIENTMGMT_READY_LAG_SECONDS"


def config_of(env: Mapping[str, str]) -> dict[str, object]:
    """Return the configuration to make the web application with.

    :raises OSError: when a setting is not of its form, or there is no place for the secret key.
    """
    config: dict[str, object] = {"SECRET_KEY": secret_key(Path(env["PATIENTMGMT_DATA"]))}
    if found := env.get(READY_LAG):
        if not (found.isascii() and found.isdigit() and len(found) < 10 and int(found)):
            raise OSError(
                f"{READY_LAG}: expected a whole number of seconds, at least 1, found {found}."
            )
        config["READY_LAG_SECONDS"] = int(found)
    return config
