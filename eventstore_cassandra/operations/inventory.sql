-- Copies of what stands in the store, without states: to be compared on disk, not in memory.
-- An id is a BLOB if it is a UUID, and a TEXT if it is a text: SQLite keeps either as it is.

-- The rows of the aggregates' partitions. `moment` is the save time, but never before that of the
-- version before, and one for each append: sorting by it keeps versions and appends in order.
CREATE TABLE truth (
    id         BLOB NOT NULL,
    version    INTEGER NOT NULL,
    savetime   INTEGER NOT NULL,
    type       INTEGER,
    append_id  BLOB,
    moment     INTEGER NOT NULL,
    PRIMARY KEY (id, version, savetime)
) WITHOUT ROWID;

CREATE TABLE aggregate (
    id               BLOB PRIMARY KEY,
    current_version  INTEGER,
    last_version     INTEGER,
    follow_on        INTEGER NOT NULL,   -- 1 if each version occurs once, with none left out
    erased           INTEGER NOT NULL
) WITHOUT ROWID;

-- Appends that were refused for good, and are never applied.
CREATE TABLE barred (append_id BLOB PRIMARY KEY) WITHOUT ROWID;

CREATE TABLE type_view (
    id        BLOB NOT NULL,
    version   INTEGER NOT NULL,
    savetime  INTEGER NOT NULL,
    type      INTEGER NOT NULL,
    PRIMARY KEY (id, version, savetime, type)
) WITHOUT ROWID;

CREATE TABLE log (
    position       INTEGER PRIMARY KEY,
    id             BLOB NOT NULL,
    version        INTEGER NOT NULL,
    first_version  INTEGER NOT NULL,     -- version of the first event of the same append
    append_id      BLOB NOT NULL,
    committed      INTEGER,              -- the mark, if there is one
    bucket         INTEGER NOT NULL,
    row            INTEGER NOT NULL      -- the position that its row is keyed by
);
CREATE INDEX log_by_event ON log (id, version);

-- Types of events for which the registry has no topic.
CREATE TABLE unregistered (type INTEGER PRIMARY KEY);

CREATE TABLE log_read (up_to INTEGER NOT NULL);

-- Events of the log that were found in their aggregate when it was looked at again.
CREATE TABLE confirmed (
    id         BLOB NOT NULL,
    version    INTEGER NOT NULL,
    append_id  BLOB NOT NULL,
    PRIMARY KEY (id, version, append_id)
) WITHOUT ROWID;

-- Events of erased aggregates that were found with their contents, wherever that was.
CREATE TABLE left_over (
    id       BLOB NOT NULL,
    version  INTEGER NOT NULL,
    PRIMARY KEY (id, version)
) WITHOUT ROWID;

CREATE VIEW erased AS SELECT id FROM aggregate WHERE erased;

-- What readers of the log get: marked as committed, or not marked and the first event of the append
-- carries its name.
CREATE VIEW delivered AS
    SELECT * FROM log
    WHERE committed = 1 OR (committed IS NULL AND EXISTS (
        SELECT 1 FROM truth
        WHERE truth.id = log.id AND truth.version = log.first_version
            AND truth.append_id = log.append_id));

-- The first event of each append that nobody has decided yet.
CREATE VIEW pending AS
    SELECT * FROM log
    WHERE committed IS NULL AND version = first_version
        AND append_id NOT IN (SELECT append_id FROM barred)
        AND NOT EXISTS (
            SELECT 1 FROM truth WHERE truth.id = log.id AND truth.version >= log.first_version);

CREATE VIEW missing AS
    SELECT * FROM truth
    WHERE NOT EXISTS (
        SELECT 1 FROM delivered
        WHERE delivered.id = truth.id AND delivered.version = truth.version
            AND delivered.append_id = truth.append_id)
    AND id NOT IN erased;

CREATE VIEW twice AS
    SELECT id, version FROM delivered GROUP BY id, version, append_id HAVING count(*) > 1;

CREATE VIEW out_of_order AS
    SELECT id, version, position FROM (
        SELECT id, version, position, max(version) OVER (
            PARTITION BY id ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS highest_before FROM delivered)
    WHERE version < highest_before;

CREATE VIEW unfounded AS
    SELECT id, version, append_id FROM delivered
    WHERE NOT EXISTS (
        SELECT 1 FROM truth
        WHERE truth.id = delivered.id AND truth.version = delivered.version
            AND truth.append_id = delivered.append_id)
    EXCEPT SELECT id, version, append_id FROM confirmed;

CREATE VIEW hole AS
    SELECT before + 1 AS position, position - before - 1 AS size FROM (
        SELECT position, lag(position, 1, 0) OVER (ORDER BY position) AS before FROM (
            SELECT position FROM log UNION ALL SELECT max(up_to) + 1 FROM log_read))
    WHERE position > before + 1;

CREATE VIEW not_in_view AS
    SELECT id, version, savetime, type FROM truth WHERE type IS NOT NULL EXCEPT
    SELECT id, version, savetime, type FROM type_view EXCEPT
    SELECT id, version, savetime, type FROM truth WHERE id IN erased;

CREATE VIEW only_in_view AS
    SELECT id, version, savetime, type FROM type_view EXCEPT
    SELECT id, version, savetime, type FROM truth EXCEPT
    SELECT id, version, savetime, type FROM type_view WHERE id IN erased;

CREATE VIEW wrong_current_version AS
    SELECT id, last_version AS version FROM aggregate
    WHERE current_version IS NOT CASE WHEN erased THEN 2147483647 ELSE last_version END;

CREATE VIEW wrong_versions AS
    SELECT id, last_version AS version FROM aggregate WHERE NOT follow_on;

CREATE VIEW unknown_type AS
    SELECT id, version FROM truth WHERE type IN unregistered;
