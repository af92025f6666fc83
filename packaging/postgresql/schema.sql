-- The tables that `push` fills: docs/fleet.md. It can be run again. A column of a later version is also added to tables that are
-- there (ALTER TABLE ... ADD COLUMN IF NOT EXISTS).
--
-- They have no serials, foreign keys, or triggers, and every unique index begins with host and started_at, so that engines can
-- distribute and partition them by these columns. ASC is the default in PostgreSQL, but not in YugabyteDB.

-- The names are those of `sccache-report builds --format json`, except for the rates, which follow from the counts and costs.
-- uuid: the id in the reports. NULL: unknown, which is not 0. *_seconds: decimal, so that sums are exact.
CREATE TABLE IF NOT EXISTS build (
    host               text NOT NULL,
    started_at         timestamptz NOT NULL,
    uuid               uuid NOT NULL,
    finished_at        timestamptz NOT NULL,
    package            text NOT NULL,
    version            text NOT NULL,
    slot               text,
    repository         text,
    emerge             uuid,
    outcome            text NOT NULL,
    attribution        text,
    sccache_version    text,
    unmeasured_phases  bigint NOT NULL,
    hits               bigint,
    misses             bigint,
    errors             bigint,
    requests           bigint,
    executed           bigint,
    non_cacheable      bigint,
    compile_failures   bigint,
    evicted            bigint,
    processor_seconds  numeric,
    time_saved_seconds numeric,
    hit_cost_seconds   numeric,
    miss_cost_seconds  numeric,
    exact_cost_seconds numeric,
    PRIMARY KEY (host, started_at, uuid)
);
CREATE INDEX IF NOT EXISTS build_by_package ON build (package ASC, started_at ASC);
CREATE INDEX IF NOT EXISTS build_by_time ON build (started_at ASC);

-- The numbers of a build by phase, language, and reason. kind: 'phase', 'language', 'not_cached' (non_cacheable by sccache's
-- reason), or 'miss_reason' (misses by the reason in `sccache-report explain`). Columns that a kind doesn't have are NULL.
CREATE TABLE IF NOT EXISTS build_detail (
    host             text NOT NULL,
    started_at       timestamptz NOT NULL,
    uuid             uuid NOT NULL,
    kind             text NOT NULL,
    name             text NOT NULL,
    hits             bigint,
    misses           bigint,
    errors           bigint,
    executed         bigint,
    non_cacheable    bigint,
    compiler_seconds numeric,
    PRIMARY KEY (host, started_at, uuid, kind, name)
);

-- What each database has pushed: the sums of each day, as `sccache-report trend --by day --format csv` printed them.
CREATE TABLE IF NOT EXISTS pushed_day (
    source text NOT NULL,
    day    date NOT NULL,
    sums   text NOT NULL,
    PRIMARY KEY (source, day)
);
