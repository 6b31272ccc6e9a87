"""What has become of intents: looked up, waited for, or decided here."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from eventsourcing.persistence import IntegrityError, PersistenceError

from eventstore_cassandra.append import Append, BarredError
from eventstore_cassandra.notification_log.intents import Intent, Look, Outcome, outcome
from eventstore_cassandra.notification_log.outcomes import Outcomes

_POLL = 0.005


class LookUp(Protocol):
    """Reads what stands in the aggregates' partitions."""

    def __call__(self, intents: Sequence[Intent], *, serial: bool) -> list[Look]:
        """Return a look for each intent."""
        ...


class Decisions:
    """The outcomes of intents; share it between threads. Its parameters are those of the reader."""

    def __init__(
        self,
        outcomes: Outcomes,
        look: LookUp,
        decide: Callable[[Append], None],
        *,
        grace: float,
        clock: Callable[[], float],
        pause: Callable[[float], None],
    ) -> None:
        self._outcomes = outcomes
        self._look = look
        self._decide = decide
        self._grace = grace
        self._clock = clock
        self._pause = pause

    def of(self, intents: Sequence[Intent]) -> list[bool]:
        """Tell of each intent whether it is committed, up to the first that cannot be decided now.

        One whose partition has no quorum does not keep readers from what comes before it.

        :raises PersistenceError: when that is the first of them.
        """
        undecided = [intent for intent in intents if intent.mark is None]
        known = {each.append_id: self._outcomes.get(each.append_id) for each in undecided}
        failure: PersistenceError | None = None
        try:
            for intent, final in self._resolve([i for i in undecided if not known[i.append_id]]):
                self._outcomes.learn(intent.append_id, final)
                known[intent.append_id] = final
        except PersistenceError as e:
            failure = e
        decided: list[bool] = []
        for intent in intents:
            what = intent.mark or known[intent.append_id]
            if what is None:
                break
            decided.append(what is Outcome.COMMITTED)
        if failure and not decided:
            raise failure
        return decided

    def _resolve(self, intents: Sequence[Intent]) -> Iterator[tuple[Intent, Outcome]]:
        """Yield the outcomes as they are found, until every append is decided.

        Those that stay pending over the grace are decided here.
        """
        helping_at = self._clock() + self._grace
        while intents:
            pending = []
            for intent, found in zip(intents, self._outcomes_of(intents), strict=True):
                if found is not Outcome.PENDING:
                    yield intent, found
                elif self._clock() >= helping_at:
                    yield intent, self._help(intent)
                else:
                    pending.append(intent)
            intents = pending
            if intents:
                self._pause(_POLL)

    def _outcomes_of(self, intents: Sequence[Intent]) -> list[Outcome]:
        found = self._look(intents, serial=False)
        outcomes = [outcome(intent, look) for intent, look in zip(intents, found, strict=True)]
        doubtful = [n for n, each in enumerate(outcomes) if each is Outcome.ABORTED]
        if doubtful:
            again = [intents[n] for n in doubtful]
            serial = self._look(again, serial=True)
            for n, intent, look in zip(doubtful, again, serial, strict=True):
                outcomes[n] = outcome(intent, look)
        return outcomes

    def _help(self, intent: Intent) -> Outcome:
        try:
            self._decide(intent.append())
        except (IntegrityError, BarredError):
            return Outcome.ABORTED
        return Outcome.COMMITTED
