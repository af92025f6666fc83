-- Why: whether the cache is worth it is a question of time. Each build gets an estimate of
-- the compiler time that the cache saved it, and the database keeps what it is made from.
--
-- Integers, in microseconds as all times here: sums of them are exact in any order. NULL
-- is unknown. The formula is src/portage/saving.rs; builds that are here already get their
-- estimates from it with the last migration, because SQL would need a copy of it.

-- What compiling a package cost, by version and by language; '' where a phase compiled
-- several languages or sccache doesn't say which. The sums over its measured phases.
CREATE TABLE cost (
    package      TEXT NOT NULL,
    version      TEXT NOT NULL,
    language     TEXT NOT NULL,
    compilations INTEGER NOT NULL CHECK (compilations > 0),
    micros       INTEGER NOT NULL CHECK (micros >= 0),
    PRIMARY KEY (package, version, language)
) STRICT, WITHOUT ROWID;

ALTER TABLE build ADD COLUMN time_saved INTEGER
    CHECK (time_saved BETWEEN -10000000000000 AND 10000000000000)
    CHECK (time_saved IS NULL OR hits IS NOT NULL);
