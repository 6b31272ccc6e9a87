"""What a long-running command writes to standard error."""

import logging

_OURS = ("patientmgmt", "projections", "read_models", "eventstore_cassandra", "eventstore_grpc")


def log_to_stderr() -> None:
    """Log the system's own doings; of libraries, warnings only.

    The Cassandra driver is silent: it logs tracebacks of errors that it raises as well, and those
    are told here in sentences.
    """
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for name in (
        "patientmgmt",
        "projections",
        "read_models",
        "eventstore_cassandra",
        "eventstore_grpc",
    ):
        logging.getLogger(name).setLevel(logging.INFO)
    logging.getLogger("cassandra").setLevel(logging.CRITICAL)
