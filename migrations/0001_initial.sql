-- Why: sccache forgets its statistics when its server exits, and under Portage that happens many
-- times per build. This database keeps them: a row per build with the totals that reports read, and
-- below it a row per run of a phase with everything that sccache printed.
--
--   id, *_id    integers that mean nothing outside of this file, and references to them
--   uuid        the same in every database, so that databases of several hosts can be merged
--   *_us        microseconds; a point in time counts from 1970-01-01 00:00 UTC
--   NULL        unknown, which is not 0
--
-- The program checks and bounds what it records (src/portage/phase.rs): sums never overflow.

PRAGMA application_id = 0x73636372; -- "sccr"

-- One run of the emerge or ebuild command.
CREATE TABLE emerge (
    id            INTEGER PRIMARY KEY,
    uuid          TEXT NOT NULL UNIQUE,
    host          TEXT NOT NULL,
    command       TEXT NOT NULL,
    started_at_us INTEGER NOT NULL
) STRICT;

-- One run of a package version's src phases. Counts are sums over its measured phases: NULL if there
-- is none, or if one of them doesn't know the count.
CREATE TABLE build (
    id               INTEGER PRIMARY KEY,
    uuid             TEXT NOT NULL UNIQUE,
    host             TEXT NOT NULL,
    package          TEXT NOT NULL, -- CATEGORY/PN
    version          TEXT NOT NULL, -- PVR
    slot             TEXT,
    repository       TEXT,
    emerge_id        INTEGER REFERENCES emerge (id),
    outcome          TEXT NOT NULL
                     CHECK (outcome IN ('merged', 'packaged', 'failed', 'interrupted')),
    started_at_us    INTEGER NOT NULL,
    finished_at_us   INTEGER NOT NULL CHECK (finished_at_us >= started_at_us),
    -- Its times are those of a log: whole seconds, and the last change.
    is_imported      INTEGER NOT NULL CHECK (is_imported IN (0, 1)),
    -- 'shared' if one of its phases is; NULL if sccache ran in none.
    attribution      TEXT CHECK (attribution IN ('exact', 'shared')),
    sccache_version  TEXT,
    phases           INTEGER NOT NULL, -- in which sccache ran
    measured_phases  INTEGER NOT NULL,
    hits             INTEGER,
    misses           INTEGER,
    errors           INTEGER,
    requests         INTEGER,
    executed         INTEGER,
    non_cacheable    INTEGER,
    compile_failures INTEGER,
    -- Processor time of the phases in which sccache ran: shells with their programs, servers, and
    -- compilers.
    processor_us     INTEGER,
    -- What compiling the hits would have cost, and what compiling the misses cost. exact_cost_us is the
    -- part of hit_cost_us that is known from compiling exactly these objects. Either all three and
    -- evicted_misses are known, or none.
    hit_cost_us      INTEGER,
    miss_cost_us     INTEGER,
    exact_cost_us    INTEGER,
    evicted_misses   INTEGER, -- misses with reason 'evicted'
    -- Fixed when the build is recorded: src/savings.rs.
    time_saved_us    INTEGER
) STRICT;

-- The history of a package, without reading the builds themselves.
CREATE INDEX build_by_package ON build
    (package, started_at_us, version, host, sccache_version, hits, misses, time_saved_us);
CREATE INDEX build_by_time ON build (started_at_us);
CREATE INDEX build_by_host ON build (host, started_at_us);
CREATE INDEX build_by_emerge ON build (emerge_id) WHERE emerge_id IS NOT NULL;

-- One run of one phase. A phase that was interrupted and resumed has several. The names of the
-- counts and times are those of `Stats` in src/sccache/stats.rs.
CREATE TABLE phase (
    id                         INTEGER PRIMARY KEY,
    build_id                   INTEGER NOT NULL REFERENCES build (id) ON DELETE CASCADE,
    position                   INTEGER NOT NULL, -- in the build, from 0
    name                       TEXT NOT NULL,
    started_at_us              INTEGER NOT NULL,
    finished_at_us             INTEGER NOT NULL CHECK (finished_at_us >= started_at_us),
    attribution                TEXT NOT NULL CHECK (attribution IN ('exact', 'shared')),
    is_cache_read_only         INTEGER NOT NULL CHECK (is_cache_read_only IN (0, 1)),
    -- Why there are no counts: a code of `NotMeasuredReason`, and text for people.
    not_measured_reason        TEXT,
    not_measured_detail        TEXT,
    shell_seconds              REAL,
    stable_paths               TEXT, -- a code of `StablePaths`
    hits                       INTEGER,
    misses                     INTEGER,
    errors                     INTEGER,
    requests                   INTEGER,
    executed                   INTEGER,
    timeouts                   INTEGER,
    read_errors                INTEGER,
    forced_recaches            INTEGER,
    write_errors               INTEGER,
    compilations               INTEGER,
    compile_failures           INTEGER,
    non_cacheable_compilations INTEGER,
    non_cacheable              INTEGER,
    non_compilation            INTEGER,
    unsupported_compiler       INTEGER,
    dist_errors                INTEGER,
    writes                     INTEGER,
    write_seconds              REAL,
    compiler_seconds           REAL,
    read_hit_seconds           REAL,
    processor_seconds          REAL,
    server_seconds             REAL,
    client_seconds             REAL,
    cache_location             TEXT,
    cache_size_bytes           INTEGER,
    max_cache_size_bytes       INTEGER,
    preprocessor_cache_mode    INTEGER CHECK (preprocessor_cache_mode IN (0, 1)),
    sccache_version            TEXT,
    -- JSON, because few caches have them: an array of strings, an object of compilations by server,
    -- and an array of `Level` in src/sccache/stats/level.rs. The last two are NULL if there are none.
    base_directories           TEXT,
    dist_compiles              TEXT,
    cache_levels               TEXT,
    UNIQUE (build_id, position)
) STRICT;

-- Most machines have no such phases.
CREATE INDEX shared_phase ON phase (finished_at_us) WHERE attribution = 'shared';
CREATE INDEX phase_with_cache_levels ON phase (build_id) WHERE cache_levels IS NOT NULL;

-- The hits, misses and errors of a phase by language, and by compiler as sccache names it.
CREATE TABLE phase_language (
    phase_id INTEGER NOT NULL REFERENCES phase (id) ON DELETE CASCADE,
    language TEXT NOT NULL,
    hits     INTEGER NOT NULL,
    misses   INTEGER NOT NULL,
    errors   INTEGER,
    PRIMARY KEY (phase_id, language)
) STRICT, WITHOUT ROWID;

CREATE TABLE phase_compiler (
    phase_id INTEGER NOT NULL REFERENCES phase (id) ON DELETE CASCADE,
    compiler TEXT NOT NULL,
    hits     INTEGER NOT NULL,
    misses   INTEGER NOT NULL,
    errors   INTEGER,
    PRIMARY KEY (phase_id, compiler)
) STRICT, WITHOUT ROWID;

-- The calls of a phase that sccache could not cache, by the reason it gives.
CREATE TABLE not_cached (
    phase_id INTEGER NOT NULL REFERENCES phase (id) ON DELETE CASCADE,
    reason   TEXT NOT NULL,
    calls    INTEGER NOT NULL,
    PRIMARY KEY (phase_id, reason)
) STRICT, WITHOUT ROWID;

-- The compilations of a phase, for `explain` and for comparing the host's next build. Only those of the newest
-- builds of a package on a host are kept. started_at_us: start of the build. compilations: in the format of
-- src/sccache/compilations/list.rs, with processor times.
CREATE TABLE compilation_list (
    phase_id      INTEGER PRIMARY KEY REFERENCES phase (id) ON DELETE CASCADE,
    package       TEXT NOT NULL,
    host          TEXT NOT NULL,
    started_at_us INTEGER NOT NULL,
    compilations  BLOB NOT NULL
) STRICT;

-- To find a package's lists without reading its builds.
CREATE INDEX compilation_list_by_package ON compilation_list (package, host, started_at_us);

-- The units of lists that are no longer kept. A unit that is neither in a list nor here was never built.
-- units: sorted hashes of 4 bytes
-- (src/sccache/compilations/former_units.rs). unlisted_at_us: the start of the newest build whose
-- units are unknown; phase: '' if they are unknown in all phases.
CREATE TABLE former_units (
    package        TEXT NOT NULL,
    host           TEXT NOT NULL,
    phase          TEXT NOT NULL,
    units          BLOB NOT NULL DEFAULT x'',
    unlisted_at_us INTEGER,
    PRIMARY KEY (package, host, phase)
) STRICT, WITHOUT ROWID;

-- Why compilations of a phase missed. reason: a word of `MissReason`. compile_us: processor time.
CREATE TABLE miss_reason (
    phase_id   INTEGER NOT NULL REFERENCES phase (id) ON DELETE CASCADE,
    reason     TEXT NOT NULL,
    misses     INTEGER NOT NULL,
    compile_us INTEGER NOT NULL,
    PRIMARY KEY (phase_id, reason)
) STRICT, WITHOUT ROWID;

-- What stable paths (docs/stable-paths.md) would have changed in a phase, and what they changed; no row if
-- nothing. avoidable_misses: misses that would have been hits with them. gained_hits: hits on objects that
-- only builds in other directories requested. *_us: processor time of compiling these; NULL if it is
-- unknown for one of them.
CREATE TABLE stable_path_effect (
    phase_id         INTEGER PRIMARY KEY REFERENCES phase (id) ON DELETE CASCADE,
    avoidable_misses INTEGER NOT NULL,
    avoidable_us     INTEGER,
    gained_hits      INTEGER NOT NULL,
    gained_us        INTEGER
) STRICT;

-- The processor time of compiling an object on a host, which is what a hit of any package saves there: a
-- fast host's costs are not those of a slow one. key: the first 8 bytes of sccache's. cost_us: NULL if the
-- host never compiled it. cache_id: the cache that it was last stored in or read from; NULL if it was never
-- stored. cached_at: since when, in seconds since 1970; NULL with cache_id. used_on: days since 1970.
-- Objects that were not used for a year are removed.
CREATE TABLE object (
    host_id   INTEGER NOT NULL REFERENCES host (id),
    key       INTEGER NOT NULL,
    cost_us   INTEGER,
    used_on   INTEGER NOT NULL,
    cache_id  INTEGER REFERENCES cache (id),
    cached_at INTEGER,
    PRIMARY KEY (host_id, key)
) STRICT, WITHOUT ROWID;

-- Every host, with the number of its builds, which is kept like the sums below.
CREATE TABLE host (
    id     INTEGER PRIMARY KEY,
    name   TEXT NOT NULL UNIQUE,
    builds INTEGER NOT NULL
) STRICT;

CREATE TABLE cache (
    id       INTEGER PRIMARY KEY,
    host     TEXT NOT NULL,
    location TEXT NOT NULL,
    UNIQUE (host, location)
) STRICT;

-- The compile times of a package on a host, for hits with no better known cost. language: '' if
-- a phase compiled several, or if sccache doesn't name it.
CREATE TABLE compile_cost (
    package      TEXT NOT NULL,
    host         TEXT NOT NULL,
    version      TEXT NOT NULL,
    language     TEXT NOT NULL,
    compilations INTEGER NOT NULL,
    compiler_us  INTEGER NOT NULL,
    PRIMARY KEY (package, host, version, language)
) STRICT, WITHOUT ROWID;

-- Builds that were removed with `sccache-collect forget`. They must not be added again from a log, a
-- pending file, or another host's database. Logs don't have uuids: there, the other
-- columns identify the build.
CREATE TABLE forgotten (
    uuid          TEXT PRIMARY KEY,
    package       TEXT NOT NULL,
    version       TEXT NOT NULL,
    started_at_us INTEGER NOT NULL,
    hits          INTEGER,
    misses        INTEGER,
    is_imported   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX forgotten_by_package ON forgotten (package, started_at_us);

-- Sums over the builds of a package, and over the builds of a host that started within an hour, so that
-- reports on many years don't read every build. Hours, because days begin at another hour in each time zone.
--
-- The program adds the builds that it inserts, all of a transaction at once (src/store/new_builds.rs). Triggers keep
-- the sums right when builds are changed or removed, unless a manual REPLACE replaces a build: SQLite fires no
-- trigger for the old row. Where measured_builds, counted_builds,
-- estimated_builds, metered_builds or costed_builds is 0, the sums after it are unknown.
CREATE TABLE package_sum (
    package            TEXT PRIMARY KEY,
    builds             INTEGER NOT NULL,
    failed_builds      INTEGER NOT NULL,
    interrupted_builds INTEGER NOT NULL,
    shared_builds      INTEGER NOT NULL,
    complete_builds    INTEGER NOT NULL, -- every phase was measured
    measured_builds    INTEGER NOT NULL, -- at least one phase was measured
    hits               INTEGER NOT NULL,
    misses             INTEGER NOT NULL,
    counted_builds     INTEGER NOT NULL, -- their number of calls is known
    calls              INTEGER NOT NULL,
    answered_calls     INTEGER NOT NULL, -- hits and misses among these calls
    estimated_builds   INTEGER NOT NULL, -- have an estimate of the time saved
    time_saved_us      INTEGER NOT NULL,
    estimated_hits     INTEGER NOT NULL, -- hits of these builds
    metered_builds     INTEGER NOT NULL, -- their time saved, processor time and costs are known
    processor_us       INTEGER NOT NULL,
    metered_saved_us   INTEGER NOT NULL, -- time_saved_us of these builds
    costed_builds      INTEGER NOT NULL, -- what their hits and misses cost is known
    hit_cost_us        INTEGER NOT NULL,
    miss_cost_us       INTEGER NOT NULL,
    exact_cost_us      INTEGER NOT NULL,
    evicted_misses     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE hour_sum (
    hour               INTEGER NOT NULL, -- hours since 1970-01-01 00:00 UTC
    host               TEXT NOT NULL,
    builds             INTEGER NOT NULL,
    packaged_builds    INTEGER NOT NULL,
    failed_builds      INTEGER NOT NULL,
    interrupted_builds INTEGER NOT NULL,
    shared_builds      INTEGER NOT NULL,
    complete_builds    INTEGER NOT NULL,
    measured_builds    INTEGER NOT NULL,
    hits               INTEGER NOT NULL,
    misses             INTEGER NOT NULL,
    counted_builds     INTEGER NOT NULL,
    calls              INTEGER NOT NULL,
    answered_calls     INTEGER NOT NULL,
    estimated_builds   INTEGER NOT NULL,
    time_saved_us      INTEGER NOT NULL,
    estimated_hits     INTEGER NOT NULL,
    metered_builds     INTEGER NOT NULL,
    processor_us       INTEGER NOT NULL,
    metered_saved_us   INTEGER NOT NULL,
    costed_builds      INTEGER NOT NULL,
    hit_cost_us        INTEGER NOT NULL,
    miss_cost_us       INTEGER NOT NULL,
    exact_cost_us      INTEGER NOT NULL,
    evicted_misses     INTEGER NOT NULL,
    PRIMARY KEY (hour, host)
) STRICT, WITHOUT ROWID;

-- What each build adds to the sums.
CREATE VIEW build_share AS SELECT
    id AS build_id,
    package,
    host,
    started_at_us / 3600000000 AS hour,
    1 AS builds,
    outcome = 'packaged' AS packaged_builds,
    outcome = 'failed' AS failed_builds,
    outcome = 'interrupted' AS interrupted_builds,
    attribution IS 'shared' AS shared_builds,
    phases > 0 AND measured_phases = phases AS complete_builds,
    hits IS NOT NULL AS measured_builds,
    ifnull(hits, 0) AS hits,
    ifnull(misses, 0) AS misses,
    executed + non_cacheable IS NOT NULL AS counted_builds,
    ifnull(executed + non_cacheable, 0) AS calls,
    iif(executed + non_cacheable IS NULL, 0, hits + misses) AS answered_calls,
    time_saved_us IS NOT NULL AS estimated_builds,
    ifnull(time_saved_us, 0) AS time_saved_us,
    iif(time_saved_us IS NULL, 0, hits) AS estimated_hits,
    processor_us + time_saved_us + hit_cost_us IS NOT NULL AS metered_builds,
    iif(time_saved_us + hit_cost_us IS NULL, 0, ifnull(processor_us, 0)) AS processor_us,
    iif(processor_us + hit_cost_us IS NULL, 0, ifnull(time_saved_us, 0)) AS metered_saved_us,
    hit_cost_us IS NOT NULL AS costed_builds,
    ifnull(hit_cost_us, 0) AS hit_cost_us,
    ifnull(miss_cost_us, 0) AS miss_cost_us,
    ifnull(exact_cost_us, 0) AS exact_cost_us,
    ifnull(evicted_misses, 0) AS evicted_misses
FROM build;

-- Inserting a row here adds the shares of the builds from first_id to last_id to the sums (sign 1), or subtracts
-- them (sign -1).
CREATE VIEW added_share AS SELECT NULL AS first_id, NULL AS last_id, NULL AS sign;

CREATE TRIGGER added_share_insert INSTEAD OF INSERT ON added_share BEGIN
    INSERT INTO package_sum
    SELECT package, NEW.sign * sum(builds), NEW.sign * sum(failed_builds),
           NEW.sign * sum(interrupted_builds), NEW.sign * sum(shared_builds),
           NEW.sign * sum(complete_builds), NEW.sign * sum(measured_builds), NEW.sign * sum(hits),
           NEW.sign * sum(misses), NEW.sign * sum(counted_builds), NEW.sign * sum(calls),
           NEW.sign * sum(answered_calls), NEW.sign * sum(estimated_builds), NEW.sign * sum(time_saved_us),
           NEW.sign * sum(estimated_hits), NEW.sign * sum(metered_builds), NEW.sign * sum(processor_us),
           NEW.sign * sum(metered_saved_us), NEW.sign * sum(costed_builds), NEW.sign * sum(hit_cost_us),
           NEW.sign * sum(miss_cost_us), NEW.sign * sum(exact_cost_us), NEW.sign * sum(evicted_misses)
    FROM build_share WHERE build_id BETWEEN NEW.first_id AND NEW.last_id GROUP BY package
    ON CONFLICT DO UPDATE SET
        builds = builds + excluded.builds,
        failed_builds = failed_builds + excluded.failed_builds,
        interrupted_builds = interrupted_builds + excluded.interrupted_builds,
        shared_builds = shared_builds + excluded.shared_builds,
        complete_builds = complete_builds + excluded.complete_builds,
        measured_builds = measured_builds + excluded.measured_builds,
        hits = hits + excluded.hits,
        misses = misses + excluded.misses,
        counted_builds = counted_builds + excluded.counted_builds,
        calls = calls + excluded.calls,
        answered_calls = answered_calls + excluded.answered_calls,
        estimated_builds = estimated_builds + excluded.estimated_builds,
        time_saved_us = time_saved_us + excluded.time_saved_us,
        estimated_hits = estimated_hits + excluded.estimated_hits,
        metered_builds = metered_builds + excluded.metered_builds,
        processor_us = processor_us + excluded.processor_us,
        metered_saved_us = metered_saved_us + excluded.metered_saved_us,
        costed_builds = costed_builds + excluded.costed_builds,
        hit_cost_us = hit_cost_us + excluded.hit_cost_us,
        miss_cost_us = miss_cost_us + excluded.miss_cost_us,
        exact_cost_us = exact_cost_us + excluded.exact_cost_us,
        evicted_misses = evicted_misses + excluded.evicted_misses;
    INSERT INTO hour_sum
    SELECT hour, host, NEW.sign * sum(builds), NEW.sign * sum(packaged_builds),
           NEW.sign * sum(failed_builds), NEW.sign * sum(interrupted_builds), NEW.sign * sum(shared_builds),
           NEW.sign * sum(complete_builds), NEW.sign * sum(measured_builds), NEW.sign * sum(hits),
           NEW.sign * sum(misses), NEW.sign * sum(counted_builds), NEW.sign * sum(calls),
           NEW.sign * sum(answered_calls), NEW.sign * sum(estimated_builds), NEW.sign * sum(time_saved_us),
           NEW.sign * sum(estimated_hits), NEW.sign * sum(metered_builds), NEW.sign * sum(processor_us),
           NEW.sign * sum(metered_saved_us), NEW.sign * sum(costed_builds), NEW.sign * sum(hit_cost_us),
           NEW.sign * sum(miss_cost_us), NEW.sign * sum(exact_cost_us), NEW.sign * sum(evicted_misses)
    FROM build_share WHERE build_id BETWEEN NEW.first_id AND NEW.last_id GROUP BY hour, host
    ON CONFLICT DO UPDATE SET
        builds = builds + excluded.builds,
        packaged_builds = packaged_builds + excluded.packaged_builds,
        failed_builds = failed_builds + excluded.failed_builds,
        interrupted_builds = interrupted_builds + excluded.interrupted_builds,
        shared_builds = shared_builds + excluded.shared_builds,
        complete_builds = complete_builds + excluded.complete_builds,
        measured_builds = measured_builds + excluded.measured_builds,
        hits = hits + excluded.hits,
        misses = misses + excluded.misses,
        counted_builds = counted_builds + excluded.counted_builds,
        calls = calls + excluded.calls,
        answered_calls = answered_calls + excluded.answered_calls,
        estimated_builds = estimated_builds + excluded.estimated_builds,
        time_saved_us = time_saved_us + excluded.time_saved_us,
        estimated_hits = estimated_hits + excluded.estimated_hits,
        metered_builds = metered_builds + excluded.metered_builds,
        processor_us = processor_us + excluded.processor_us,
        metered_saved_us = metered_saved_us + excluded.metered_saved_us,
        costed_builds = costed_builds + excluded.costed_builds,
        hit_cost_us = hit_cost_us + excluded.hit_cost_us,
        miss_cost_us = miss_cost_us + excluded.miss_cost_us,
        exact_cost_us = exact_cost_us + excluded.exact_cost_us,
        evicted_misses = evicted_misses + excluded.evicted_misses;
    INSERT INTO host (name, builds)
    SELECT host, NEW.sign * sum(builds)
    FROM build_share WHERE build_id BETWEEN NEW.first_id AND NEW.last_id GROUP BY host
    ON CONFLICT (name) DO UPDATE SET builds = builds + excluded.builds;
END;

-- The same for the levels of multi-level caches: the sums of `Level` in src/sccache/stats/level.rs.
CREATE TABLE level_sum (
    hour           INTEGER NOT NULL,
    host           TEXT NOT NULL,
    level          TEXT NOT NULL, -- its name
    phases         INTEGER NOT NULL,
    hits           INTEGER NOT NULL,
    misses         INTEGER NOT NULL,
    writes         INTEGER NOT NULL,
    write_failures INTEGER NOT NULL,
    backfills_from INTEGER NOT NULL,
    backfills_to   INTEGER NOT NULL,
    PRIMARY KEY (hour, host, level)
) STRICT, WITHOUT ROWID;

-- What each phase adds to the sums of levels. With trusted_schema off, SQLite 3.40 refuses json_extract in a
-- schema.
CREATE VIEW level_share AS SELECT
    build_id,
    phase.id AS phase_id,
    build.started_at_us / 3600000000 AS hour,
    host,
    (SELECT value FROM json_each(element.value) WHERE key = 'name') AS level,
    1 AS phases,
    (SELECT value FROM json_each(element.value) WHERE key = 'hits') AS hits,
    (SELECT value FROM json_each(element.value) WHERE key = 'misses') AS misses,
    (SELECT value FROM json_each(element.value) WHERE key = 'writes') AS writes,
    (SELECT value FROM json_each(element.value) WHERE key = 'write_failures') AS write_failures,
    (SELECT value FROM json_each(element.value) WHERE key = 'backfills_from') AS backfills_from,
    (SELECT value FROM json_each(element.value) WHERE key = 'backfills_to') AS backfills_to
FROM phase CROSS JOIN build ON build.id = build_id CROSS JOIN json_each(cache_levels) AS element
WHERE cache_levels IS NOT NULL;

-- Inserting a row here adds the shares of one phase to the sums or subtracts them, or those of all phases of builds.
CREATE VIEW added_level AS SELECT NULL AS first_id, NULL AS last_id, NULL AS phase_id, NULL AS sign;

CREATE TRIGGER added_level_insert INSTEAD OF INSERT ON added_level BEGIN
    INSERT INTO level_sum
    SELECT hour, host, level, NEW.sign * sum(phases), NEW.sign * sum(hits), NEW.sign * sum(misses),
           NEW.sign * sum(writes), NEW.sign * sum(write_failures), NEW.sign * sum(backfills_from),
           NEW.sign * sum(backfills_to)
    FROM level_share
    WHERE build_id BETWEEN NEW.first_id AND NEW.last_id AND phase_id = ifnull(NEW.phase_id, phase_id)
    GROUP BY hour, host, level
    ON CONFLICT DO UPDATE SET
        phases = phases + excluded.phases,
        hits = hits + excluded.hits,
        misses = misses + excluded.misses,
        writes = writes + excluded.writes,
        write_failures = write_failures + excluded.write_failures,
        backfills_from = backfills_from + excluded.backfills_from,
        backfills_to = backfills_to + excluded.backfills_to;
END;

CREATE TRIGGER phase_update_before BEFORE UPDATE ON phase WHEN OLD.cache_levels IS NOT NULL BEGIN
    INSERT INTO added_level VALUES (OLD.build_id, OLD.build_id, OLD.id, -1);
END;

CREATE TRIGGER phase_update_after AFTER UPDATE ON phase WHEN NEW.cache_levels IS NOT NULL BEGIN
    INSERT INTO added_level VALUES (NEW.build_id, NEW.build_id, NEW.id, 1);
END;

CREATE TRIGGER build_delete BEFORE DELETE ON build BEGIN
    INSERT INTO added_share VALUES (OLD.id, OLD.id, -1);
    INSERT INTO added_level VALUES (OLD.id, OLD.id, NULL, -1);
END;

CREATE TRIGGER build_update_before BEFORE UPDATE ON build BEGIN
    INSERT INTO added_share VALUES (OLD.id, OLD.id, -1);
    INSERT INTO added_level VALUES (OLD.id, OLD.id, NULL, -1);
END;

CREATE TRIGGER build_update_after AFTER UPDATE ON build BEGIN
    INSERT INTO added_share VALUES (NEW.id, NEW.id, 1);
    INSERT INTO added_level VALUES (NEW.id, NEW.id, NULL, 1);
END;

-- What was ever recorded, for monitoring. Each build that isn't imported is added as it was when it was inserted, of
-- a merged build only the phases that don't share a server (src/store/new_builds.rs). Nothing subtracts what is
-- removed or changed later: to Prometheus, a counter that decreases has started again from 0.
--
-- name: as in `CounterName`. label: the outcome, language, operation, reason or result; '' for the sum over
-- all languages, and for counters without a label.
CREATE TABLE counter (
    name  TEXT NOT NULL,
    label TEXT NOT NULL,
    total INTEGER NOT NULL,
    PRIMARY KEY (name, label)
) STRICT, WITHOUT ROWID;

CREATE TABLE package_counter (
    package TEXT PRIMARY KEY,
    builds  INTEGER NOT NULL,
    lookups INTEGER NOT NULL, -- hits and misses
    hits    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
