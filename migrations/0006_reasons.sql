-- Why: reports choose what to advise by the reason why a phase was not measured. A sentence in
-- English, which in part came from the build, is no reason: from here on it is a code, with the
-- rest as a short detail that is only quoted. The codes: src/sccache/not_measured.rs.

UPDATE phase SET not_measured = CASE
    WHEN not_measured LIKE 'its sccache server could not start%' THEN 'server_not_started'
    WHEN not_measured LIKE 'its sccache server was killed%' THEN 'server_killed'
    WHEN not_measured LIKE 'its sccache server was stopped, and another%' THEN 'server_restarted'
    WHEN not_measured LIKE 'its sccache server was stopped%' THEN 'server_stopped'
    WHEN not_measured LIKE 'its sccache server%set to zero%' THEN 'statistics_zeroed'
    WHEN not_measured LIKE 'its sccache server left no log%' THEN 'no_log'
    WHEN not_measured LIKE 'its sccache server%log can''t be read%' THEN 'log_unreadable'
    WHEN not_measured LIKE 'a second sccache server%' THEN 'second_server'
    WHEN not_measured LIKE '%sccache servers were started at once%' THEN 'several_servers'
    WHEN not_measured LIKE 'its shell ended%' THEN 'shell_killed'
    WHEN not_measured LIKE 'the shared sccache server was stopped%' THEN 'shared_server_gone'
    WHEN not_measured LIKE 'the shared sccache server was restarted%' THEN 'shared_server_restarted'
    WHEN not_measured LIKE 'no numbers from its start%' THEN 'no_start_numbers'
    WHEN not_measured LIKE '%the sccache server did not stop%' THEN 'server_did_not_stop'
    WHEN not_measured LIKE '%sccache --% took longer than %' THEN 'no_answer'
    WHEN not_measured LIKE '%sccache --% printed unusable output%' THEN 'unknown_output'
    WHEN not_measured LIKE '%sccache --% failed (%' THEN 'sccache_failed'
    WHEN not_measured LIKE '%could not run %' THEN 'sccache_not_run'
    ELSE 'other'
END
WHERE not_measured GLOB '*[^a-z_]*';

ALTER TABLE phase ADD COLUMN not_measured_detail TEXT
    CHECK (length(CAST(not_measured_detail AS BLOB)) BETWEEN 1 AND 80)
    CHECK (not_measured_detail IS NULL OR not_measured IS NOT NULL)
    CHECK (not_measured NOT GLOB '*[^a-z_]*');
