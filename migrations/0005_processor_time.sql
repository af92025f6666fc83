-- Why: sccache measures compilers by the wall clock, which on busy cores is a multiple of what they
-- compute. The processor time of what the server ran is known while it lives, and bounds it.

ALTER TABLE phase ADD COLUMN processor_seconds REAL
    CHECK (processor_seconds >= 0)
    CHECK (processor_seconds IS NULL OR not_measured IS NULL);
