-- Why: sccache's numbers have to outlive its server. One row for each build, with the
-- totals that every report reads; below it what each run of a phase counted, whole.
--
-- Times are integers: microseconds since 1970-01-01 00:00 UTC. They compare and index
-- fast, and have no time zone to get wrong. A clock that stepped back during a build
-- would put its end before its start: whoever writes puts the end at the start then.
--
-- Unknown is NULL, never 0. A phase that was not measured has no counter at all, and
-- says why. A build's totals are the sums over its measured phases, and NULL where
-- nothing was measured, or where one measured phase doesn't know the counter. They
-- are bounded, so that no single row can make the sums over all builds overflow.
--
-- Every build and emerge has a globally unique id and its host, so that databases of
-- several hosts can be merged; the integer keys are this file's own affair.

PRAGMA application_id = 0x73637270; -- "scrp": this program's files

CREATE TABLE emerge (
    id         INTEGER PRIMARY KEY,
    uid        TEXT NOT NULL UNIQUE CHECK (length(uid) = 36),
    host       TEXT NOT NULL CHECK (host <> ''),
    command    TEXT NOT NULL,
    started_at INTEGER NOT NULL
) STRICT;

CREATE TABLE build (
    id               INTEGER PRIMARY KEY,
    uid              TEXT NOT NULL UNIQUE CHECK (length(uid) = 36),
    host             TEXT NOT NULL CHECK (host <> ''),
    package          TEXT NOT NULL
                     CHECK (package GLOB '?*/?*' AND package NOT GLOB '*/*/*'),
    version          TEXT NOT NULL CHECK (version <> ''),
    slot             TEXT CHECK (slot <> ''),
    repository       TEXT CHECK (repository <> ''),
    merge_type       TEXT CHECK (merge_type <> ''),
    emerge           INTEGER REFERENCES emerge (id),
    outcome          TEXT NOT NULL
                     CHECK (outcome IN ('merged', 'packaged', 'failed', 'interrupted')),
    started_at       INTEGER NOT NULL,
    finished_at      INTEGER NOT NULL,
    attribution      TEXT CHECK (attribution IN ('exact', 'shared')),
    sccache_version  TEXT,
    phases           INTEGER NOT NULL CHECK (phases >= 0),
    measured_phases  INTEGER NOT NULL CHECK (measured_phases BETWEEN 0 AND phases),
    hits             INTEGER CHECK (hits BETWEEN 0 AND 1000000000000),
    misses           INTEGER CHECK (misses BETWEEN 0 AND 1000000000000),
    errors           INTEGER CHECK (errors BETWEEN 0 AND 1000000000000),
    requests         INTEGER CHECK (requests BETWEEN 0 AND 1000000000000),
    executed         INTEGER CHECK (executed BETWEEN 0 AND 1000000000000),
    non_cacheable    INTEGER CHECK (non_cacheable BETWEEN 0 AND 1000000000000),
    compile_failures INTEGER CHECK (compile_failures BETWEEN 0 AND 1000000000000),
    CHECK (finished_at >= started_at),
    CHECK ((attribution IS NULL) = (phases = 0)),
    CHECK ((hits IS NULL) = (measured_phases = 0)),
    CHECK ((misses IS NULL) = (measured_phases = 0)),
    CHECK ((errors IS NULL) = (measured_phases = 0)),
    CHECK (measured_phases > 0
           OR coalesce(requests, executed, non_cacheable, compile_failures) IS NULL)
) STRICT;

-- A package's history, and the list of packages without reading every build.
CREATE INDEX build_of_package ON build (package, started_at);
-- --since, --until and --last.
CREATE INDEX build_by_time ON build (started_at);
-- The builds of an emerge.
CREATE INDEX build_of_emerge ON build (emerge) WHERE emerge IS NOT NULL;

-- One run of one phase. A phase that was interrupted and run again is there twice.
CREATE TABLE phase (
    id                         INTEGER PRIMARY KEY,
    build                      INTEGER NOT NULL REFERENCES build (id) ON DELETE CASCADE,
    position                   INTEGER NOT NULL CHECK (position >= 0),
    name                       TEXT NOT NULL CHECK (name <> '' AND name NOT GLOB '*[^a-z_]*'),
    started_at                 INTEGER NOT NULL,
    finished_at                INTEGER NOT NULL,
    attribution                TEXT NOT NULL CHECK (attribution IN ('exact', 'shared')),
    not_measured               TEXT CHECK (not_measured <> ''),
    hits                       INTEGER CHECK (hits >= 0),
    misses                     INTEGER CHECK (misses >= 0),
    errors                     INTEGER CHECK (errors >= 0),
    requests                   INTEGER CHECK (requests >= 0),
    executed                   INTEGER CHECK (executed >= 0),
    unsupported_compiler       INTEGER CHECK (unsupported_compiler >= 0),
    non_compilation            INTEGER CHECK (non_compilation >= 0),
    non_cacheable              INTEGER CHECK (non_cacheable >= 0),
    timeouts                   INTEGER CHECK (timeouts >= 0),
    read_errors                INTEGER CHECK (read_errors >= 0),
    write_errors               INTEGER CHECK (write_errors >= 0),
    writes                     INTEGER CHECK (writes >= 0),
    forced_recaches            INTEGER CHECK (forced_recaches >= 0),
    non_cacheable_compilations INTEGER CHECK (non_cacheable_compilations >= 0),
    compilations               INTEGER CHECK (compilations >= 0),
    compile_failures           INTEGER CHECK (compile_failures >= 0),
    dist_errors                INTEGER CHECK (dist_errors >= 0),
    write_seconds              REAL CHECK (write_seconds >= 0),
    read_hit_seconds           REAL CHECK (read_hit_seconds >= 0),
    compiler_seconds           REAL CHECK (compiler_seconds >= 0),
    cache_location             TEXT,
    cache_size                 INTEGER CHECK (cache_size >= 0),
    max_cache_size             INTEGER CHECK (max_cache_size >= 0),
    preprocessor_cache_mode    INTEGER CHECK (preprocessor_cache_mode IN (0, 1)),
    sccache_version            TEXT,
    UNIQUE (build, position),
    CHECK (finished_at >= started_at),
    CHECK ((not_measured IS NULL) = (hits IS NOT NULL)),
    CHECK ((not_measured IS NULL) = (misses IS NOT NULL)),
    CHECK ((not_measured IS NULL) = (errors IS NOT NULL)),
    CHECK (not_measured IS NULL OR coalesce(
        requests, executed, unsupported_compiler, non_compilation, non_cacheable,
        timeouts, read_errors, write_errors, writes, forced_recaches,
        non_cacheable_compilations, compilations, compile_failures, dist_errors,
        write_seconds, read_hit_seconds, compiler_seconds, cache_location,
        cache_size, max_cache_size, preprocessor_cache_mode, sccache_version) IS NULL)
) STRICT;

-- What the hits, misses and errors of a phase divide into.
CREATE TABLE phase_language (
    phase    INTEGER NOT NULL REFERENCES phase (id) ON DELETE CASCADE,
    language TEXT NOT NULL CHECK (language <> ''),
    hits     INTEGER NOT NULL CHECK (hits >= 0),
    misses   INTEGER NOT NULL CHECK (misses >= 0),
    errors   INTEGER NOT NULL CHECK (errors >= 0),
    PRIMARY KEY (phase, language)
) STRICT, WITHOUT ROWID;

CREATE TABLE phase_compiler (
    phase    INTEGER NOT NULL REFERENCES phase (id) ON DELETE CASCADE,
    compiler TEXT NOT NULL CHECK (compiler <> ''),
    hits     INTEGER NOT NULL CHECK (hits >= 0),
    misses   INTEGER NOT NULL CHECK (misses >= 0),
    errors   INTEGER NOT NULL CHECK (errors >= 0),
    PRIMARY KEY (phase, compiler)
) STRICT, WITHOUT ROWID;

-- Why calls were not cacheable, in sccache's words.
CREATE TABLE not_cached (
    phase  INTEGER NOT NULL REFERENCES phase (id) ON DELETE CASCADE,
    reason TEXT NOT NULL,
    count  INTEGER NOT NULL CHECK (count >= 0),
    PRIMARY KEY (phase, reason)
) STRICT, WITHOUT ROWID;

-- Compilations that other machines did, per server.
CREATE TABLE dist_compile (
    phase  INTEGER NOT NULL REFERENCES phase (id) ON DELETE CASCADE,
    server TEXT NOT NULL,
    count  INTEGER NOT NULL CHECK (count >= 0),
    PRIMARY KEY (phase, server)
) STRICT, WITHOUT ROWID;
