//! What the columns of JSON, CSV and TSV mean, for the man page: a name means the same in every
//! report. Which columns a report has is up to its own list.

/// Each name with its meaning, in the order of the page.
pub(super) const MEANINGS: &[(&str, &str)] = &[
    (
        "id",
        "The build's or emerge's UUID; its first 8 characters will do for `show`.",
    ),
    ("package", "CATEGORY/PN."),
    ("version", "PVR: the version with its revision."),
    ("slot", "The ebuild's SLOT."),
    ("repository", "The ebuild's repository."),
    ("host", "The computer's name."),
    (
        "emerge",
        "The id of the emerge command that the build was part of.",
    ),
    ("command", "The emerge command, as it was typed."),
    (
        "outcome",
        "What came of the build: merged, packaged (--buildpkgonly), failed or interrupted.",
    ),
    (
        "started_at",
        "When the first phase, or the emerge command, began: RFC 3339, in UTC.",
    ),
    ("finished_at", "When the build ended: RFC 3339, in UTC."),
    ("first_at", "When the first of the builds began."),
    ("last_at", "When the last of the builds began."),
    (
        "period",
        "The day (2026-11-22), ISO week (2026-W47), month or year, in the local time zone.",
    ),
    ("builds", "How many builds."),
    ("packages", "How many packages the builds are of."),
    ("failed", "How many of the builds failed."),
    ("interrupted", "How many of the builds were interrupted."),
    (
        "incomplete",
        "How many of the builds lack the numbers of some or of all of their phases.",
    ),
    (
        "measured",
        "How many of the builds have the numbers of all their phases.",
    ),
    (
        "shared",
        "How many of the builds used a server that others may have used too.",
    ),
    ("hits", "Compilations that the cache answered."),
    (
        "misses",
        "Compilations that the cache could not answer and so were done.",
    ),
    (
        "hit_rate",
        "hits / (hits + misses), from 0 to 1; null where both are 0.",
    ),
    (
        "coverage",
        "(hits + misses) / (executed + non-cacheable calls), from 0 to 1: how much of the compiling the cache could answer at all.",
    ),
    (
        "requests",
        "Compile requests that the server got; 0 in sccache's client-side mode.",
    ),
    (
        "executed",
        "Requests that were executed: those for a compilation that can be cached.",
    ),
    ("errors", "Cache errors; sccache counts each as a miss too."),
    (
        "compile_failures",
        "Compilations that failed; probes of build scripts are meant to.",
    ),
    (
        "non_cacheable",
        "Calls of the compiler that can't be cached, say links.",
    ),
    (
        "time_saved_seconds",
        "An estimate of the compiler time that the cache saved; can be negative; null: unknown.",
    ),
    ("sccache_version", "The version of sccache."),
    (
        "attribution",
        "exact: the server was the build's own; shared: the difference of a shared server's numbers.",
    ),
    (
        "unmeasured_phases",
        "How many of the build's phases in which sccache ran lack their numbers; 0: the build's numbers are whole.",
    ),
    ("last_version", "The version of the last build."),
    ("last_hit_rate", "The hit rate of the last build."),
    ("verdict", "The overview's sentence."),
    (
        "best",
        "The packages that gain most; columns as in packages.",
    ),
    (
        "worst",
        "The packages that lose; columns as in packages. A package of which no other build was ever measured is left out: the first only fills the cache.",
    ),
    (
        "last_emerge",
        "The last emerge command, with those of its builds that were asked for; columns as in emerges.",
    ),
    ("languages", "{LANGUAGE: {hits, misses, errors}}."),
    ("compilers", "{COMPILER: {hits, misses, errors}}."),
    (
        "not_cached",
        "{REASON: calls}: why calls were not cacheable, in sccache's words.",
    ),
    (
        "phases",
        "{PHASE: {measured, hits, misses, ...}}: the same numbers for each phase of the ebuild, and those of the server: compiler_seconds by the wall clock, processor_seconds of all that it ran (user and system; unknown of shared servers and imported logs), read_hit_seconds and write_seconds of the cache, cache_size_bytes and so on.",
    ),
    (
        "levels",
        "{LEVEL: {hits, misses, ...}}: what each level of a multi-level cache answered.",
    ),
    (
        "history",
        "The package's builds, the newest last; columns as in builds.",
    ),
    ("cache_location", "Where the cache is, as sccache says it."),
    (
        "cache_size_bytes",
        "How much the cache holds, as last known.",
    ),
    ("max_cache_size_bytes", "How much it may hold."),
    (
        "cache_at",
        "When the build began that last knew what the cache holds.",
    ),
    (
        "by_time",
        "[{period, hit_rate}]: the bars of the overview, gaps as null.",
    ),
    (
        "versions",
        "[{version, cold_hits, warm_hits, ...}]: cold is the first build of a version on a host, warm are the later ones.",
    ),
    (
        "sccache_versions",
        "{VERSION: builds}: which versions of sccache served the builds.",
    ),
    (
        "advice",
        "In advise, what the piece is about, in a word: cache-errors, not-measured, cache-full, only-misses, forced-misses, not-cacheable or cold-versions. Elsewhere the pieces themselves.",
    ),
    ("says", "What is the matter, in a sentence."),
    (
        "evidence",
        "The numbers that the advice rests on, in sentences.",
    ),
    ("to_do", "What to do."),
    (
        "severity",
        "change: somebody can change something; note: it explains the numbers, and is as it has to be.",
    ),
    ("setting", "The lines to paste; null: there is no setting."),
    (
        "looked_at_builds",
        "How many builds the advice was made from, at most the newest 1,000.",
    ),
    ("looked_from", "When the first of them began."),
    ("looked_to", "When the last of them began."),
    ("about", "[PACKAGE]: the packages that it is about."),
    (
        "numbers",
        "The numbers of the evidence, by name; each kind of advice has its own.",
    ),
];
