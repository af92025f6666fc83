-- Why: two things that sccache prints were read and then lost. What each level of a
-- multi-level cache did, and the base directories, had no place; and errors that a
-- release doesn't print, or prints under another name, could only be stored as 0.
--
-- So errors may be NULL in a measured phase, and in a build that has such a phase. SQLite can't
-- change a CHECK: the tables are made anew beside the old ones, which go, and take their names.
-- References name the tables, not what they were; all rows keep their ids.

CREATE TABLE new_build (
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
    CHECK (measured_phases > 0
           OR coalesce(errors, requests, executed, non_cacheable, compile_failures) IS NULL)
) STRICT;

INSERT INTO new_build
    (id, uid, host, package, version, slot, repository, merge_type, emerge, outcome,
     started_at, finished_at, attribution, sccache_version, phases, measured_phases,
     hits, misses, errors, requests, executed, non_cacheable, compile_failures)
SELECT
     id, uid, host, package, version, slot, repository, merge_type, emerge, outcome,
     started_at, finished_at, attribution, sccache_version, phases, measured_phases,
     hits, misses, errors, requests, executed, non_cacheable, compile_failures
FROM build;

CREATE TABLE new_phase (
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
    -- How many there are in base_directory: NULL is unknown, 0 is none.
    base_directories           INTEGER CHECK (base_directories >= 0),
    UNIQUE (build, position),
    CHECK (finished_at >= started_at),
    CHECK ((not_measured IS NULL) = (hits IS NOT NULL)),
    CHECK ((not_measured IS NULL) = (misses IS NOT NULL)),
    CHECK (not_measured IS NULL OR coalesce(
        errors, requests, executed, unsupported_compiler, non_compilation, non_cacheable,
        timeouts, read_errors, write_errors, writes, forced_recaches,
        non_cacheable_compilations, compilations, compile_failures, dist_errors,
        write_seconds, read_hit_seconds, compiler_seconds, cache_location,
        cache_size, max_cache_size, preprocessor_cache_mode, sccache_version,
        base_directories) IS NULL)
) STRICT;

INSERT INTO new_phase
    (id, build, position, name, started_at, finished_at, attribution, not_measured,
     hits, misses, errors, requests, executed, unsupported_compiler, non_compilation,
     non_cacheable, timeouts, read_errors, write_errors, writes, forced_recaches,
     non_cacheable_compilations, compilations, compile_failures, dist_errors, write_seconds,
     read_hit_seconds, compiler_seconds, cache_location, cache_size, max_cache_size,
     preprocessor_cache_mode, sccache_version)
SELECT
     id, build, position, name, started_at, finished_at, attribution, not_measured,
     hits, misses, errors, requests, executed, unsupported_compiler, non_compilation,
     non_cacheable, timeouts, read_errors, write_errors, writes, forced_recaches,
     non_cacheable_compilations, compilations, compile_failures, dist_errors, write_seconds,
     read_hit_seconds, compiler_seconds, cache_location, cache_size, max_cache_size,
     preprocessor_cache_mode, sccache_version
FROM phase;

-- errors: NULL where the phase's are.
CREATE TABLE new_phase_language (
    phase    INTEGER NOT NULL REFERENCES phase (id) ON DELETE CASCADE,
    language TEXT NOT NULL CHECK (language <> ''),
    hits     INTEGER NOT NULL CHECK (hits >= 0),
    misses   INTEGER NOT NULL CHECK (misses >= 0),
    errors   INTEGER CHECK (errors >= 0),
    PRIMARY KEY (phase, language)
) STRICT, WITHOUT ROWID;

INSERT INTO new_phase_language (phase, language, hits, misses, errors)
SELECT phase, language, hits, misses, errors FROM phase_language;

CREATE TABLE new_phase_compiler (
    phase    INTEGER NOT NULL REFERENCES phase (id) ON DELETE CASCADE,
    compiler TEXT NOT NULL CHECK (compiler <> ''),
    hits     INTEGER NOT NULL CHECK (hits >= 0),
    misses   INTEGER NOT NULL CHECK (misses >= 0),
    errors   INTEGER CHECK (errors >= 0),
    PRIMARY KEY (phase, compiler)
) STRICT, WITHOUT ROWID;

INSERT INTO new_phase_compiler (phase, compiler, hits, misses, errors)
SELECT phase, compiler, hits, misses, errors FROM phase_compiler;

DROP TABLE phase_language;
DROP TABLE phase_compiler;
DROP TABLE phase;
DROP TABLE build;
ALTER TABLE new_build RENAME TO build;
ALTER TABLE new_phase RENAME TO phase;
ALTER TABLE new_phase_language RENAME TO phase_language;
ALTER TABLE new_phase_compiler RENAME TO phase_compiler;

-- As in 0001.
CREATE INDEX build_of_package ON build (package, started_at);
CREATE INDEX build_by_time ON build (started_at);
CREATE INDEX build_of_emerge ON build (emerge) WHERE emerge IS NOT NULL;

-- What one level of a multi-level cache did, the nearest at position 0.
CREATE TABLE phase_level (
    phase          INTEGER NOT NULL REFERENCES phase (id) ON DELETE CASCADE,
    position       INTEGER NOT NULL CHECK (position >= 0),
    name           TEXT NOT NULL,
    location       TEXT,
    hits           INTEGER CHECK (hits >= 0),
    misses         INTEGER CHECK (misses >= 0),
    writes         INTEGER CHECK (writes >= 0),
    write_failures INTEGER CHECK (write_failures >= 0),
    backfills_from INTEGER CHECK (backfills_from >= 0),
    backfills_to   INTEGER CHECK (backfills_to >= 0),
    hit_seconds    REAL CHECK (hit_seconds >= 0),
    write_seconds  REAL CHECK (write_seconds >= 0),
    PRIMARY KEY (phase, position)
) STRICT, WITHOUT ROWID;

-- Directories whose names sccache leaves out of its keys.
CREATE TABLE base_directory (
    phase     INTEGER NOT NULL REFERENCES phase (id) ON DELETE CASCADE,
    position  INTEGER NOT NULL CHECK (position >= 0),
    directory TEXT NOT NULL,
    PRIMARY KEY (phase, position)
) STRICT, WITHOUT ROWID;
