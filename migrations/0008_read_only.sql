-- Why: where root compiles, the hook has sccache only read the cache, and then each miss counts a
-- write error. Reports must tell these from a cache that can't be written.

ALTER TABLE phase ADD COLUMN read_only INTEGER NOT NULL DEFAULT 0 CHECK (read_only IN (0, 1));
