-- Why: a build that `sccache-collect forget` takes out must not come back from its log, from a
-- file that waits beside the database, or from another host's database. So what it is recognized
-- by stays.

CREATE TABLE forgotten (
    uid         TEXT PRIMARY KEY CHECK (length(uid) = 36),
    package     TEXT NOT NULL,
    version     TEXT NOT NULL,
    started_at  INTEGER NOT NULL,
    hits        INTEGER,
    misses      INTEGER,
    is_imported INTEGER NOT NULL CHECK (is_imported IN (0, 1))
) STRICT, WITHOUT ROWID;

-- A build that the hook recorded is recognized in a log by its numbers.
CREATE INDEX forgotten_of_package ON forgotten (package, started_at);

-- Builds that are here, and builds that were. Times from logs are whole seconds.
CREATE VIEW known_build AS
    SELECT uid, package, version, started_at, hits, misses,
           emerge IS NULL AND finished_at % 1000000 = 0 AS is_imported, 0 AS is_forgotten
    FROM build
    UNION ALL
    SELECT uid, package, version, started_at, hits, misses, is_imported, 1
    FROM forgotten;
