"""The settings of the event store: read from the environment, checked before anything connects."""

import re
import ssl
from dataclasses import dataclass, field
from typing import Self, TypeVar

from cassandra import ConsistencyLevel
from eventsourcing.utils import Environment, strtobool

SERIAL_LEVELS = ("LOCAL_SERIAL", "SERIAL")
LEVELS = (
    "LOCAL_QUORUM",
    "QUORUM",
    "EACH_QUORUM",
    "ALL",
    "LOCAL_ONE",
    "ONE",
    "TWO",
    "THREE",
)
DEFAULT_LOG_BUCKET_SIZE = 10_000
ID_TYPES = ("uuid", "text")
DEFAULT_ID_TYPE = "uuid"
NONE = "none"
"""Stands for no cipher, or no compressor."""
_DEFAULT_CIPHER = "eventsourcing.cipher:AESCipher"
"""The library's, where a key is set and no topic."""
_LONGEST = 10 * 365 * 24 * 3600.0
"""Seconds; what a machine waits for at the most is somewhat more."""

_Default = TypeVar("_Default", bound=int | None)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that can be set, with the default and the danger of each.

    Durations are in seconds.
    """

    contact_points: tuple[str, ...] = ("127.0.0.1",)
    """Addresses to begin with; the driver learns of the other nodes from them."""
    port: int = 9042
    local_datacenter: str | None = None
    """The data centre whose nodes serve requests. None takes that of the first contact point,
    which is wrong if the contact points are in several."""
    keyspace: str = "eventstore"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    tls_ca_file: str | None = None
    """Certificate authorities to trust; None trusts those of the system."""
    tls_cert_file: str | None = None
    tls_key_file: str | None = None
    tls_check_hostname: bool = True
    """Off accepts any certificate that an authority signed, that of an eavesdropper included."""
    append_consistency: str = "LOCAL_QUORUM"
    """How many replicas an append waits for. Below a quorum, a read may miss an own append."""
    serial_consistency: str = "LOCAL_SERIAL"
    """Where appends are serialised. LOCAL_SERIAL is right while all writers are in one data centre;
    with writers in several it lets two of them win: use SERIAL then."""
    read_consistency: str = "LOCAL_QUORUM"
    """How many replicas a read asks. Below a quorum, a command may decide on old state; the append
    then conflicts, so that nothing is lost but the command."""
    request_timeout: float = 5.0
    """How long to wait for one answer. More than the server's own 2 s for a write, so that it is
    the server that says what happened; less makes outcomes uncertain for no gain."""
    connect_timeout: float = 5.0
    append_attempts: int = 5
    """How often an append whose outcome is unknown is tried in all. It cannot be applied twice."""
    read_attempts: int = 3
    """How often a read is asked for in all, if no answer comes. With 1, a node that hangs fails
    every read that it is asked for; more, times the request time-out, hold up whoever reads."""
    view_patience: float = 60.0
    """How long a view's write is tried while the store does not answer. Shorter than a restart of
    the servers takes, and that ends the projection."""
    page_size: int = 1000
    """Rows in one page of a read. Times the size of an event, this is memory at the server."""
    max_append_bytes: int = 8 * 1024 * 1024
    """The request that writes one append: the states of its events, and for each of them the
    aggregate's id and 100 bytes. The server refuses requests and mutations above half a commit log
    segment (16 MiB by default), and the type view and Paxos make copies of their own."""
    notification_log: bool = True
    """Off gives each append one conditional batch instead of two, no place in one order of all
    events, and no notifications. What is written
    meanwhile is added to the order by `patientmgmt store rebuild-log` only."""
    log_bucket_size: int | None = None
    """Positions in one partition of the log of a keyspace that is to be created; None gives it
    10,000. The keyspace keeps it for ever, and any other is refused."""
    originator_id_type: str | None = None
    """What ids of aggregates are in a keyspace that is to be created, "uuid" or "text"; None gives
    it UUIDs. The keyspace keeps it for ever, and the other is refused."""
    cipher: str | None = None
    """The topic of the cipher, or "none"; None where it is not known, as to those who read no
    states. With another cipher than the other writers', neither can read the other's events."""
    compressor: str | None = None
    """The same of the compressor."""
    log_grace: float = 0.2
    """How long a reader of the log leaves a pending append to its writer before it decides it
    itself. Shorter does work twice under load; longer delays readers behind a crashed writer."""
    slow_append: float = 1.0
    """From how long on an append is logged as slow. Below the usual time of one, the log is full
    of them."""
    create_table: bool = False
    """On creates the tables at start. Off by default, unlike in other persistence modules: several
    processes that change a schema at once can leave a Cassandra cluster in disagreement."""

    def __post_init__(self) -> None:
        if not self.contact_points or not all(self.contact_points):
            raise OSError(
                "CASSANDRA_CONTACT_POINTS: expected addresses separated by commas, found none."
            )
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,47}", self.keyspace):
            raise OSError(
                "CASSANDRA_KEYSPACE: expected a letter, then letters, digits or underscores, "
                f"48 at most, found {self.keyspace!r}."
            )
        # As Cassandra does with names that are not quoted.
        object.__setattr__(self, "keyspace", self.keyspace.lower())
        _one_of("CASSANDRA_APPEND_CONSISTENCY", self.append_consistency, LEVELS)
        _one_of("CASSANDRA_READ_CONSISTENCY", self.read_consistency, LEVELS)
        _one_of("CASSANDRA_SERIAL_CONSISTENCY", self.serial_consistency, SERIAL_LEVELS)
        if self.originator_id_type is not None:
            _one_of("ORIGINATOR_ID_TYPE", self.originator_id_type, ID_TYPES)
        if not self.tls and (self.tls_ca_file or self.tls_cert_file or self.tls_key_file):
            raise OSError(
                "CASSANDRA_TLS_CA_FILE, CASSANDRA_TLS_CERT_FILE, CASSANDRA_TLS_KEY_FILE: expected "
                "CASSANDRA_TLS=yes beside them, found no; everything would be sent in plain text."
            )
        if (self.username is None) != (self.password is None):
            raise OSError(
                "CASSANDRA_USERNAME and CASSANDRA_PASSWORD: expected both or neither, found one."
            )

    @classmethod
    def from_env(cls, env: Environment) -> Self:
        """Read the ``CASSANDRA_*`` variables (and ``CREATE_TABLE``, ``ORIGINATOR_ID_TYPE``).

        Which cipher and compressor there are is read as the library does, to be compared.

        :raises OSError: naming the variable, when a value is not of its form.
        """
        values = _Values(env)
        default = cls()
        contact_points = values.text("CASSANDRA_CONTACT_POINTS")
        return cls(
            contact_points=tuple(point.strip() for point in contact_points.split(","))
            if contact_points
            else default.contact_points,
            port=values.integer("CASSANDRA_PORT", default.port, 65535),
            local_datacenter=values.text("CASSANDRA_LOCAL_DATACENTER"),
            keyspace=values.text("CASSANDRA_KEYSPACE") or default.keyspace,
            username=values.text("CASSANDRA_USERNAME"),
            password=values.text("CASSANDRA_PASSWORD"),
            tls=values.flag("CASSANDRA_TLS", default.tls),
            tls_ca_file=values.text("CASSANDRA_TLS_CA_FILE"),
            tls_cert_file=values.text("CASSANDRA_TLS_CERT_FILE"),
            tls_key_file=values.text("CASSANDRA_TLS_KEY_FILE"),
            tls_check_hostname=values.flag(
                "CASSANDRA_TLS_CHECK_HOSTNAME", default.tls_check_hostname
            ),
            append_consistency=values.level(
                "CASSANDRA_APPEND_CONSISTENCY", default.append_consistency
            ),
            serial_consistency=values.level(
                "CASSANDRA_SERIAL_CONSISTENCY", default.serial_consistency
            ),
            read_consistency=values.level("CASSANDRA_READ_CONSISTENCY", default.read_consistency),
            request_timeout=values.seconds("CASSANDRA_REQUEST_TIMEOUT", default.request_timeout),
            connect_timeout=values.seconds("CASSANDRA_CONNECT_TIMEOUT", default.connect_timeout),
            append_attempts=values.integer("CASSANDRA_APPEND_ATTEMPTS", default.append_attempts),
            read_attempts=values.integer("CASSANDRA_READ_ATTEMPTS", default.read_attempts),
            view_patience=values.seconds("CASSANDRA_VIEW_PATIENCE", default.view_patience),
            page_size=values.integer("CASSANDRA_PAGE_SIZE", default.page_size),
            max_append_bytes=values.integer("CASSANDRA_MAX_APPEND_BYTES", default.max_append_bytes),
            notification_log=values.flag("CASSANDRA_NOTIFICATION_LOG", default.notification_log),
            log_bucket_size=values.integer("CASSANDRA_LOG_BUCKET_SIZE", default.log_bucket_size),
            originator_id_type=(values.text("ORIGINATOR_ID_TYPE") or "").lower() or None,
            cipher=values.text("CIPHER_TOPIC")
            or (_DEFAULT_CIPHER if values.text("CIPHER_KEY") else NONE),
            compressor=values.text("COMPRESSOR_TOPIC") or NONE,
            log_grace=values.seconds("CASSANDRA_LOG_GRACE", default.log_grace),
            slow_append=values.seconds("CASSANDRA_SLOW_APPEND", default.slow_append),
            create_table=values.flag("CREATE_TABLE", default.create_table),
        )

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return what TLS connections are made with; None when TLS is off.

        :raises OSError: when a certificate file cannot be read.
        """
        if not self.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.tls_ca_file)
            context.check_hostname = self.tls_check_hostname
            if self.tls_cert_file:
                context.load_cert_chain(self.tls_cert_file, self.tls_key_file)
        except OSError as e:
            raise OSError(
                "CASSANDRA_TLS_CA_FILE, CASSANDRA_TLS_CERT_FILE, CASSANDRA_TLS_KEY_FILE: expected "
                f"readable PEM files: {e}"
            ) from e
        return context


def level(name: str) -> int:
    """Return the driver's number of a consistency level."""
    return int(ConsistencyLevel.name_to_value[name])


def _one_of(variable: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise OSError(f"{variable}: expected one of {', '.join(allowed)}, found {value!r}.")


class _Values:
    def __init__(self, env: Environment) -> None:
        self._env = env

    def text(self, variable: str) -> str | None:
        return (self._env.get(variable) or "").strip() or None

    def level(self, variable: str, default: str) -> str:
        return (self.text(variable) or default).upper()

    def integer(self, variable: str, default: _Default, most: int = 2**31 - 1) -> int | _Default:
        text = self.text(variable)
        if text is None:
            return default
        # Python makes no number of some thousand digits.
        if not re.fullmatch(r"0*\d{1,10}", text) or not 1 <= int(text[-10:]) <= most:
            raise OSError(
                f"{variable}: expected a whole number from 1 to {most}, found {text!r:.60}."
            )
        return int(text[-10:])

    def seconds(self, variable: str, default: float) -> float:
        text = self.text(variable)
        if text is None:
            return default
        if not re.fullmatch(r"\d+(\.\d+)?", text) or not 0 < float(text) <= _LONGEST:
            raise OSError(
                f"{variable}: expected a number of seconds above 0, up to {_LONGEST:.0f}, found "
                f"{text!r:.60}."
            )
        return float(text)

    def flag(self, variable: str, default: bool) -> bool:  # noqa: FBT001
        text = self.text(variable)
        try:
            return default if text is None else strtobool(text)
        except ValueError:
            raise OSError(f"{variable}: expected yes or no, found {text!r}.") from None
