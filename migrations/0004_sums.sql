-- Why: with many years of builds, what is asked most (a row per package, the trend over
-- all time) would read every one of them. So the sums over a package's builds and over the
-- builds of an hour are kept. An hour, because periods follow the local clock: every time zone
-- of today is a whole number of hours from UTC, or else the builds themselves are read.
--
-- Triggers keep them at an INSERT, UPDATE or DELETE of a build: in the same transaction, to the same
-- integers that a sum over the builds gives. Not where REPLACE takes a build's place: SQLite calls no
-- trigger for what it replaces. Nothing of this program does that; sccache-collect import makes the
-- sums anew where they aren't those of the builds. sum_of_build says what a build adds; a row (build, sign)
-- inserted into summing adds it or takes it away. A sum is of what is known; known,
-- calls_known and estimated say of how many builds, so that a sum over none can be NULL again.

CREATE VIEW sum_of_build AS SELECT
    id, package, started_at / 3600000000 - (started_at % 3600000000 < 0) AS hour,
    1 AS builds,
    outcome = 'failed' AS failed,
    outcome = 'interrupted' AS interrupted,
    phases > 0 AND measured_phases = phases AS measured,
    coalesce(attribution = 'shared', 0) AS shared,
    hits IS NOT NULL AS known,
    coalesce(hits, 0) AS hits,
    coalesce(misses, 0) AS misses,
    iif(executed + non_cacheable IS NULL, 0, hits + misses) AS answered,
    executed + non_cacheable IS NOT NULL AS calls_known,
    coalesce(executed + non_cacheable, 0) AS calls,
    time_saved IS NOT NULL AS estimated,
    coalesce(time_saved, 0) AS time_saved,
    iif(time_saved IS NULL, 0, hits) AS estimated_hits
FROM build;

CREATE TABLE package_sum (
    package TEXT PRIMARY KEY,
    builds INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    interrupted INTEGER NOT NULL,
    measured INTEGER NOT NULL,
    shared INTEGER NOT NULL,
    known INTEGER NOT NULL,
    hits INTEGER NOT NULL,
    misses INTEGER NOT NULL,
    answered INTEGER NOT NULL,
    calls_known INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    estimated INTEGER NOT NULL,
    time_saved INTEGER NOT NULL,
    estimated_hits INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE hour_sum (
    hour INTEGER PRIMARY KEY,
    builds INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    interrupted INTEGER NOT NULL,
    measured INTEGER NOT NULL,
    shared INTEGER NOT NULL,
    known INTEGER NOT NULL,
    hits INTEGER NOT NULL,
    misses INTEGER NOT NULL,
    answered INTEGER NOT NULL,
    calls_known INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    estimated INTEGER NOT NULL,
    time_saved INTEGER NOT NULL,
    estimated_hits INTEGER NOT NULL
) STRICT;

INSERT INTO package_sum SELECT package,
    sum(builds), sum(failed), sum(interrupted), sum(measured), sum(shared), sum(known),
    sum(hits), sum(misses), sum(answered), sum(calls_known), sum(calls), sum(estimated),
    sum(time_saved), sum(estimated_hits)
FROM sum_of_build GROUP BY package;

INSERT INTO hour_sum SELECT hour,
    sum(builds), sum(failed), sum(interrupted), sum(measured), sum(shared), sum(known),
    sum(hits), sum(misses), sum(answered), sum(calls_known), sum(calls), sum(estimated),
    sum(time_saved), sum(estimated_hits)
FROM sum_of_build GROUP BY hour;

CREATE VIEW summing AS SELECT NULL AS build, NULL AS sign;

CREATE TRIGGER summing_adds INSTEAD OF INSERT ON summing BEGIN
    INSERT INTO package_sum SELECT package,
        NEW.sign * builds, NEW.sign * failed, NEW.sign * interrupted, NEW.sign * measured,
        NEW.sign * shared, NEW.sign * known, NEW.sign * hits, NEW.sign * misses, NEW.sign *
        answered, NEW.sign * calls_known, NEW.sign * calls, NEW.sign * estimated, NEW.sign *
        time_saved, NEW.sign * estimated_hits
    FROM sum_of_build WHERE id = NEW.build
    ON CONFLICT DO UPDATE SET
        builds = builds + excluded.builds,
        failed = failed + excluded.failed,
        interrupted = interrupted + excluded.interrupted,
        measured = measured + excluded.measured,
        shared = shared + excluded.shared,
        known = known + excluded.known,
        hits = hits + excluded.hits,
        misses = misses + excluded.misses,
        answered = answered + excluded.answered,
        calls_known = calls_known + excluded.calls_known,
        calls = calls + excluded.calls,
        estimated = estimated + excluded.estimated,
        time_saved = time_saved + excluded.time_saved,
        estimated_hits = estimated_hits + excluded.estimated_hits;
    INSERT INTO hour_sum SELECT hour,
        NEW.sign * builds, NEW.sign * failed, NEW.sign * interrupted, NEW.sign * measured,
        NEW.sign * shared, NEW.sign * known, NEW.sign * hits, NEW.sign * misses, NEW.sign *
        answered, NEW.sign * calls_known, NEW.sign * calls, NEW.sign * estimated, NEW.sign *
        time_saved, NEW.sign * estimated_hits
    FROM sum_of_build WHERE id = NEW.build
    ON CONFLICT DO UPDATE SET
        builds = builds + excluded.builds,
        failed = failed + excluded.failed,
        interrupted = interrupted + excluded.interrupted,
        measured = measured + excluded.measured,
        shared = shared + excluded.shared,
        known = known + excluded.known,
        hits = hits + excluded.hits,
        misses = misses + excluded.misses,
        answered = answered + excluded.answered,
        calls_known = calls_known + excluded.calls_known,
        calls = calls + excluded.calls,
        estimated = estimated + excluded.estimated,
        time_saved = time_saved + excluded.time_saved,
        estimated_hits = estimated_hits + excluded.estimated_hits;
END;

CREATE TRIGGER build_added AFTER INSERT ON build BEGIN
    INSERT INTO summing VALUES (NEW.id, 1);
END;
CREATE TRIGGER build_removed BEFORE DELETE ON build BEGIN
    INSERT INTO summing VALUES (OLD.id, -1);
END;
CREATE TRIGGER build_changes BEFORE UPDATE ON build BEGIN
    INSERT INTO summing VALUES (OLD.id, -1);
END;
CREATE TRIGGER build_changed AFTER UPDATE ON build BEGIN
    INSERT INTO summing VALUES (NEW.id, 1);
END;

-- The builds of one package lie all over the file: what its history is made of stands in the
-- index, where they lie side by side.
DROP INDEX build_of_package;
CREATE INDEX build_of_package ON build
    (package, started_at, version, host, sccache_version, hits, misses, time_saved);
