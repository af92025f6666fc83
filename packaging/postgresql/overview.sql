-- psql [-v since=2026-01-01] [-v until='2026-02-01 12:00'] [-v host=NAME] -f overview.sql DATABASE
--
-- The sums of `sccache-report --format json`, in UTC. Without `since` and `until`, the 30 days before the newest build. Builds with a
-- date in the future are left out then, unless there are no others.
\set QUIET on
SET timezone = 'UTC';
\if :{?since} \else \set since '' \endif
\if :{?until} \else \set until '' \endif
\if :{?host} \else \set host '' \endif
WITH newest AS (
    SELECT coalesce(max(started_at) FILTER (WHERE started_at < now() + interval '1 day'), max(started_at)) AS started_at
    FROM build
    WHERE (:'host' = '' OR host = :'host') AND (:'until' = '' OR started_at < nullif(:'until', '')::timestamptz)
), matching AS (
    SELECT build.*,
        attribution IS NOT NULL AND unmeasured_phases = 0 AS is_measured,
        CASE WHEN executed + non_cacheable IS NOT NULL THEN hits + misses END AS answered
    FROM build CROSS JOIN newest
    WHERE (:'host' = '' OR host = :'host')
        AND CASE WHEN :'since' = '' AND :'until' = ''
            THEN build.started_at BETWEEN date_trunc('hour', newest.started_at - interval '30 days') AND newest.started_at
            ELSE (:'since' = '' OR build.started_at >= nullif(:'since', '')::timestamptz)
                AND (:'until' = '' OR build.started_at < nullif(:'until', '')::timestamptz) END
), sums AS (
    SELECT min(started_at) AS first_at, max(started_at) AS last_at,
        count(DISTINCT package) AS packages,
        count(*) AS builds,
        count(*) FILTER (WHERE outcome = 'failed') AS failed,
        count(*) FILTER (WHERE outcome = 'interrupted') AS interrupted,
        count(*) FILTER (WHERE NOT is_measured) AS incomplete,
        count(*) FILTER (WHERE attribution = 'shared') AS shared,
        count(*) FILTER (WHERE is_measured) AS measured,
        sum(hits) AS hits, sum(misses) AS misses,
        sum(answered) AS answered, sum(executed + non_cacheable) AS calls,
        sum(time_saved_seconds) AS time_saved_seconds,
        sum(hit_cost_seconds) AS hit_cost_seconds, sum(miss_cost_seconds) AS miss_cost_seconds,
        sum(exact_cost_seconds) AS exact_cost_seconds,
        sum(evicted) AS evicted
    FROM matching
)
SELECT first_at, last_at, packages, builds, failed, interrupted, incomplete, shared, hits, misses,
    hits / nullif(hits + misses, 0)::float8 AS hit_rate,
    answered / nullif(calls, 0)::float8 AS coverage,
    time_saved_seconds,
    hit_cost_seconds::float8 / nullif(hit_cost_seconds::float8 + miss_cost_seconds::float8, 0) AS hit_rate_by_cost,
    CASE WHEN hit_cost_seconds > 0 THEN exact_cost_seconds / hit_cost_seconds::float8
        WHEN hit_cost_seconds = 0 THEN 1 END AS exact_share,
    evicted, measured
FROM sums;
