from eventsourcing.sqlite import SQLiteApplicationRecorder


class CassandraApplicationRecorder(SQLiteApplicationRecorder):
    def register_event_types(self, event_types: dict[str, int]) -> None: ...
