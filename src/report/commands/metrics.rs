//! `sccache-report metrics`: counters and gauges for Prometheus.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use clap::{ValueEnum, ValueHint};

use super::super::Status;
use super::super::exposition::{Exposition, Kind::*, Sample};
use super::super::options::{Database, TOLERANCE};
use crate::config;
use crate::error::{Error, Result};
use crate::files;
use crate::portage::{HookRecord, Outcome, host, list_merges};
use crate::sccache::compilations::MissReason;
use crate::store::{
    CacheState, CounterName, Counters, PackageCounters, Pending, RecentSums, Store,
};

const AFTER_HELP: &str = "\
The output is the text format of Prometheus, for the textfile collector of
node_exporter. Run this from a timer, with -o. docs/metrics.md lists the metrics
and describes alert rules and a dashboard.

Exit status: 0 if the metrics were written, 2 after an error, which leaves FILE
unchanged.";

/// Write metrics for Prometheus
///
/// Counters include builds that were removed with `sccache-collect forget`, but not those imported from logs. The `recent_*` gauges are
/// sums over the last 1, 7, and 30 days.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Write to FILE, replacing it atomically
    ///
    /// Its name must end in .prom, because node_exporter ignores others. The alert rules expect
    /// sccache_report.prom. Any user can read the file.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,

    /// Add metrics per GROUP: category or package
    #[arg(long, value_enum, value_name = "GROUP", hide_possible_values = true)]
    by: Option<Group>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Group {
    Category,
    Package,
}

/// The languages of sccache whose counters exist from the beginning, so that no increase from 0 is lost.
const LANGUAGES: [&str; 3] = ["C/C++", "CUDA", "Rust"];

/// The language of compilations whose language sccache didn't print.
const UNKNOWN_LANGUAGE: &str = "unknown";

/// The lengths of the windows, in days.
const WINDOWS: [(&str, i64); 3] = [("1d", 1), ("7d", 7), ("30d", 30)];

/// What the metrics are made of.
struct Measurements {
    schema: i64,
    counters: Counters,
    recent: Vec<(&'static str, RecentSums)>,
    time_saved: Option<TimeDelta>,
    last_build_finished: Option<DateTime<Utc>>,
    hook_last_run: Option<DateTime<Utc>>,
    last_merge: Option<DateTime<Utc>>,
    cache: Option<CacheState>,
    /// `None` if their folder can't be read.
    pending: Option<usize>,
    packages: BTreeMap<String, PackageCounters>,
}

pub(super) fn run(args: &Args, database: &Database, out: &mut dyn Write) -> Result<Status> {
    if let Some(path) = &args.output
        && !path.as_os_str().as_bytes().ends_with(b".prom")
    {
        let message = format!("the name of {} doesn't end in .prom", path.display());
        let hint = "node_exporter reads only such files; omit -o for standard output";
        return Err(Error::usage(message, hint));
    }
    let measured = read(args, &database.path(), Utc::now())?;
    let text = render(&measured, args.by);
    match &args.output {
        None => out.write_all(text.as_bytes())?,
        Some(path) => files::replace(path, Some(0o644), |out| out.write_all(text.as_bytes()))
            .map_err(|error| Error::OutputFile(path.clone(), error))?,
    }
    Ok(Status::Success)
}

fn read(args: &Args, database: &Path, now: DateTime<Utc>) -> Result<Measurements> {
    let store = Store::open_for_reading(database)?;
    // Builds with a future date are ignored, as in the overview.
    let until = now + TOLERANCE;
    let mut recent = Vec::new();
    for (name, days) in WINDOWS {
        let since = now - TimeDelta::days(days);
        recent.push((name, store.recent_sums(since, until)?));
    }
    let packages = match args.by {
        None => BTreeMap::new(),
        Some(Group::Package) => store.package_counters()?,
        Some(Group::Category) => by_category(store.package_counters()?),
    };
    let [hook_record, _] = HookRecord::files(database);
    // The folder of the records is only beside the database of a machine that builds.
    let is_build_machine = HookRecord::folder(database).is_dir();
    Ok(Measurements {
        schema: store.schema_version()?,
        counters: store.counters()?,
        recent,
        time_saved: store.time_saved()?,
        last_build_finished: store.last_finished(until)?,
        hook_last_run: HookRecord::read(&hook_record, config::system_owner(&config::eprefix()).0)
            .map(|record| record.time),
        last_merge: if is_build_machine {
            last_merge(until)
        } else {
            None
        },
        cache: store.cache_state(&host(), until)?,
        pending: Pending::for_database(database).count(),
        packages,
    })
}

/// Returns when a package was last merged on this machine before `until`, whether or not the hook ran.
fn last_merge(until: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let installed = Path::new("/").join(config::eprefix()).join("var/db/pkg");
    let merges = list_merges(&installed).map(|(_, merged_at)| merged_at);
    merges.filter(|merged_at| *merged_at < until).max()
}

fn by_category(packages: BTreeMap<String, PackageCounters>) -> BTreeMap<String, PackageCounters> {
    let mut categories: BTreeMap<String, PackageCounters> = BTreeMap::new();
    for (package, counters) in packages {
        let category = package.split('/').next().unwrap_or_default();
        categories
            .entry(category.to_owned())
            .or_default()
            .add(&counters);
    }
    categories
}

fn render(measured: &Measurements, by: Option<Group>) -> String {
    let mut file = Exposition::default();
    add_counters(&mut file, &measured.counters);
    add_lookups(&mut file, &measured.counters);
    add_recent(&mut file, &measured.recent);
    add_state(&mut file, measured);
    match by {
        None => {}
        Some(Group::Category) => add_groups(&mut file, "category", &measured.packages),
        Some(Group::Package) => add_groups(&mut file, "package", &measured.packages),
    }
    file.into_text()
}

fn add_counters(file: &mut Exposition, counters: &Counters) {
    use CounterName::*;
    let sample = |name, label: &str| Sample::new(counters.get(name, label) as f64);
    let outcomes = Outcome::ALL.map(Outcome::word);
    let builds = outcomes.map(|it| sample(Builds, it).label("outcome", it));
    file.add(Counter, "builds_total", "Recorded builds.", builds);
    let help = "Calls of compilers: executed and non-cacheable, where both are known.";
    let calls = [sample(CompilerCalls, "")];
    file.add(Counter, "compiler_calls_total", help, calls);
    let help = "Hits and misses among the calls of compilers.";
    let cacheable = [sample(CompilerCallsCacheable, "")];
    file.add(Counter, "compiler_calls_cacheable_total", help, cacheable);
    let phases = [("true", "measured"), ("false", "not measured")];
    let phases = phases.map(|(word, label)| sample(Phases, label).label("measured", word));
    let help = "Phases in which sccache ran, by whether its statistics are known.";
    file.add(Counter, "phases_total", help, phases);
    let operations = ["read", "write"];
    let errors = operations.map(|it| sample(CacheErrors, it).label("operation", it));
    let help = "Errors reading the cache, and writing it except in phases with a read-only cache.";
    file.add(Counter, "cache_errors_total", help, errors);
    let reasons = MissReason::ALL.map(MissReason::word);
    let misses = reasons.map(|it| sample(Misses, it).label("reason", it));
    let help = "Misses of builds whose compilations are known, by reason.";
    file.add(Counter, "misses_total", help, misses);
    let costs = ["hit", "miss"].map(|result| {
        let seconds = counters.get(LookupCost, result) as f64 / 1e6;
        Sample::new(seconds).label("result", result)
    });
    let help = "Processor time that compiling the hits would have taken, and that compiling the \
        misses took, where known.";
    file.add(Counter, "lookup_cost_seconds_total", help, costs);
}

/// Adds the counters by language. The rest to the sum over all languages has an unknown language.
fn add_lookups(file: &mut Exposition, counters: &Counters) {
    use CounterName::*;
    let recorded = counters
        .labels(Lookups)
        .filter(|it| *it != UNKNOWN_LANGUAGE);
    let languages: BTreeSet<&str> = recorded.chain(LANGUAGES).collect();
    let mut add = |metric, name, help| {
        let known = languages
            .iter()
            .map(|language| counters.get(name, language));
        let rest = counters.get(name, "").saturating_sub(known.sum());
        let samples = languages.iter().map(|language| {
            Sample::new(counters.get(name, language) as f64).label("language", language)
        });
        let unknown = Sample::new(rest as f64).label("language", UNKNOWN_LANGUAGE);
        file.add(Counter, metric, help, samples.chain([unknown]));
    };
    let help = "Compilations looked up in the cache: hits and misses.";
    add("lookups_total", Lookups, help);
    let help = "Compilations answered from the cache.";
    add("hits_total", Hits, help);
    let help = "Compilations that sccache failed to look up.";
    add("lookup_errors_total", LookupErrors, help);
}

fn add_recent(file: &mut Exposition, recent: &[(&'static str, RecentSums)]) {
    let builds = recent.iter().flat_map(|(window, sums)| {
        sums.builds.map(|(outcome, count)| {
            let sample = Sample::new(count as f64).label("outcome", outcome.word());
            sample.label("window", window)
        })
    });
    let help = "Builds that started in the window.";
    file.add(Gauge, "recent_builds", help, builds);
    let mut add = |name, help, value: fn(&RecentSums) -> Option<f64>| {
        let samples = recent
            .iter()
            .filter_map(|(window, sums)| Some(Sample::new(value(sums)?).label("window", window)));
        file.add(Gauge, name, help, samples);
    };
    let help = "Hits of the builds that started in the window.";
    add("recent_hits", help, |sums| Some(sums.hits as f64));
    let help = "Hits and misses of the builds that started in the window.";
    add("recent_lookups", help, |sums| Some(sums.lookups as f64));
    let help = "Processor time that the cache saved in the builds that started in the window; negative if it \
        cost more.";
    add("recent_time_saved_seconds", help, |sums| {
        Some(sums.time_saved?.as_seconds_f64())
    });
}

fn add_state(file: &mut Exposition, measured: &Measurements) {
    let seconds = |time: Option<TimeDelta>| time.map(|it| Sample::new(it.as_seconds_f64()));
    let timestamp = |time: Option<DateTime<Utc>>| seconds(time.map(|it| it - DateTime::UNIX_EPOCH));
    let help = "Processor time that the cache saved in all builds of the database.";
    file.add(
        Gauge,
        "time_saved_seconds",
        help,
        seconds(measured.time_saved),
    );
    let help = "When the newest build ended.";
    let last = timestamp(measured.last_build_finished);
    file.add(Gauge, "last_build_finished_timestamp_seconds", help, last);
    let help = "When the hook last ran at a merge.";
    let hook = timestamp(measured.hook_last_run);
    file.add(Gauge, "hook_last_run_timestamp_seconds", help, hook);
    let help = "When Portage last merged a package, with or without the hook.";
    let merge = timestamp(measured.last_merge);
    file.add(Gauge, "last_merge_timestamp_seconds", help, merge);
    let cache = measured.cache.as_ref();
    let help = "Size of the cache at the end of this host's last phase that reported it.";
    let size = cache.map(|cache| Sample::new(cache.size as f64));
    file.add(Gauge, "cache_size_bytes", help, size);
    let help = "Maximum size of the cache.";
    let limit = cache.map(|cache| Sample::new(cache.max_size as f64));
    file.add(Gauge, "cache_size_limit_bytes", help, limit);
    let help = "Builds that could not be recorded yet.";
    let pending = measured.pending.map(|count| Sample::new(count as f64));
    file.add(Gauge, "pending_builds", help, pending);
    let schema = measured.schema.to_string();
    let info = Sample::new(1.0)
        .label("version", env!("CARGO_PKG_VERSION"))
        .label("schema", &schema);
    let help = "Version of sccache-report, and of the database's schema.";
    file.add(Gauge, "info", help, [info]);
}

/// Adds the metrics of each category or package.
fn add_groups(
    file: &mut Exposition,
    label: &'static str,
    groups: &BTreeMap<String, PackageCounters>,
) {
    let samples = |value: fn(&PackageCounters) -> Option<f64>| {
        groups.iter().filter_map(move |(name, counters)| {
            Some(Sample::new(value(counters)?).label(label, name))
        })
    };
    let name = |suffix: &str| format!("{label}_{suffix}");
    let builds = samples(|it| Some(it.builds as f64));
    file.add(Counter, &name("builds_total"), "Recorded builds.", builds);
    let lookups = samples(|it| Some(it.lookups as f64));
    let help = "Compilations looked up in the cache: hits and misses.";
    file.add(Counter, &name("lookups_total"), help, lookups);
    let hits = samples(|it| Some(it.hits as f64));
    let help = "Compilations answered from the cache.";
    file.add(Counter, &name("hits_total"), help, hits);
    let saved = samples(|it| Some(it.time_saved?.as_seconds_f64()));
    let help = "Processor time that the cache saved in the builds of the database.";
    file.add(Gauge, &name("time_saved_seconds"), help, saved);
}
