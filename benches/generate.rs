//! A database of so many builds, recorded through the store as the hook would, and an emerge.log of
//! as many merges; or one build more in a database that is there. `generate --help` says how.
//!
//! 400 packages over ten years, a few of them built often and most seldom, in three
//! languages; world updates that build some dozens at once; cold builds of new versions and
//! warm rebuilds; some that fail, some not measured. The same numbers every time.

mod counted;
mod emerge_log;
mod listed;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use sccache_report::portage::{Attribution, Build, Emerge, Outcome, Phase};
use sccache_report::store::Store;
use uuid::Uuid;

use counted::stats;
use listed::Units;

/// Up to this many builds are those of a small machine in its first two months, as the README shows.
const FEW: usize = 500;
/// The newest build's day; the oldest is ten years before.
const LAST: &str = "2026-11-01T00:00:00Z";
/// How long a build takes at most.
const BUILD: TimeDelta = TimeDelta::minutes(4);
/// So many builds are recorded in one transaction.
const BATCH: usize = 50;
/// The compilations of the build that `--large` records.
const LARGE: u64 = 50_000;
const CATEGORIES: [&str; 8] = [
    "app-portage",
    "dev-libs",
    "dev-util",
    "kde-plasma",
    "media-libs",
    "sys-apps",
    "www-client",
    "x11-libs",
];
/// Packages that people know, with the index of their language; the first ones are built most often.
const KNOWN: [(&str, usize); 20] = [
    ("www-client/firefox", 1),
    ("media-libs/mesa", 0),
    ("dev-vcs/git", 0),
    ("dev-libs/openssl", 0),
    ("sys-apps/ripgrep", 1),
    ("media-video/ffmpeg", 0),
    ("llvm-core/llvm", 0),
    ("kde-plasma/kwin", 0),
    ("gnome-base/librsvg", 1),
    ("app-editors/neovim", 0),
    ("dev-python/cryptography", 1),
    ("net-misc/curl", 0),
    ("app-shells/nushell", 1),
    ("dev-db/sqlite", 0),
    ("net-libs/nodejs", 0),
    ("sys-apps/fd", 1),
    ("app-arch/zstd", 0),
    ("dev-qt/qtbase", 0),
    ("sys-devel/binutils", 0),
    ("sci-libs/magma", 2),
];
/// What a machine builds.
#[derive(Clone, Copy)]
pub struct Machine {
    /// How many different packages it has.
    pub packages: usize,
    /// How many days the builds are spread over.
    pub days: i64,
    /// The square root of how many compilations the largest package has.
    pub size: u64,
    /// How many of the newest builds have compilations.
    pub listed: usize,
}

impl Machine {
    /// One that ran for ten years, whose newest builds have 490 compilations on average. Of older lists,
    /// little would be left.
    pub const LARGE: Machine = Machine {
        packages: 400,
        days: 3650,
        size: 40,
        listed: 20_000,
    };
    /// One in its first two months.
    pub const SMALL: Machine = Machine {
        packages: KNOWN.len(),
        days: 60,
        ..Machine::LARGE
    };
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// Whether something comes true that does in so many of a hundred cases.
    fn percent(&mut self, n: u64) -> bool {
        self.below(100) < n
    }
}

struct Package {
    name: String,
    language: usize,
    /// Compilations in one build.
    size: u64,
    bumps: u64,
    /// Those of configure, compile, and test.
    units: [Units; 3],
}

impl Package {
    fn new(n: usize, size: u64) -> Package {
        let mut random = Random(n as u64);
        let (name, language) = match KNOWN.get(n) {
            Some((name, language)) => ((*name).to_string(), *language),
            None => (
                format!("{}/package{n:03}", CATEGORIES[n % CATEGORIES.len()]),
                [0, 0, 0, 1, 1, 0, 0, 1, 0, 2][n % 10],
            ),
        };
        Package {
            name,
            language,
            size: 10 + random.below(size) * random.below(size),
            bumps: 0,
            units: Default::default(),
        }
    }

    fn version(&self) -> String {
        format!(
            "{}.{}.{}",
            1 + self.bumps / 50,
            self.bumps / 5 % 10,
            self.bumps % 5
        )
    }
}

struct World {
    random: Random,
    /// For what builds of today have in addition, so that the rest stays the same.
    more: Random,
    /// How many builds come before those with compilations.
    unlisted: usize,
    packages: Vec<Package>,
    now: DateTime<Utc>,
    /// The average time from one build to the next, and when this build is due by it.
    step: TimeDelta,
    due: DateTime<Utc>,
    emerge: Option<Emerge>,
    left: u64,
}

impl World {
    fn new(machine: Machine, builds: usize) -> Result<World> {
        let period = TimeDelta::days(machine.days);
        let now = DateTime::parse_from_rfc3339(LAST)?.to_utc() - period;
        let step = period.num_microseconds().unwrap_or(0) / builds.max(1) as i64;
        let step = TimeDelta::microseconds(step);
        let packages = (0..machine.packages).map(|n| Package::new(n, machine.size));
        Ok(World {
            random: Random(builds as u64),
            more: Random(!0),
            unlisted: builds.saturating_sub(machine.listed),
            packages: packages.collect(),
            now,
            due: now,
            step,
            emerge: None,
            left: 0,
        })
    }

    fn uuid(&mut self) -> Uuid {
        Uuid::from_u64_pair(self.random.next(), self.random.next())
    }

    /// Few packages are built often: of two, the one with the smaller number.
    fn package(&mut self) -> usize {
        let count = self.packages.len() as u64;
        let (a, b) = (self.random.below(count), self.random.below(count));
        a.min(b) as usize
    }

    fn build(&mut self) -> Build {
        if self.left == 0 {
            self.left = if self.random.percent(60) {
                1
            } else {
                1 + self.random.below(self.packages.len() as u64 * 3 / 20)
            };
            // The builds of an emerge follow closely, and then nothing for longer.
            self.now = self.now.max(self.due);
            let command = ["emerge --update --deep @world", "emerge -1 package"];
            let emerge = Emerge {
                id: self.uuid(),
                command: command[usize::from(self.left == 1)].into(),
                started_at: self.now,
            };
            self.emerge = Some(emerge);
        }
        self.left -= 1;
        let is_listed = self.unlisted == 0;
        self.unlisted = self.unlisted.saturating_sub(1);
        self.due += self.step;
        let n = self.package();
        let cold = self.random.percent(45);
        if cold {
            self.packages[n].bumps += 1;
        }
        let outcome = match self.random.below(100) {
            0..2 => Outcome::Failed,
            2 => Outcome::Interrupted,
            3..6 => Outcome::Packaged,
            _ => Outcome::Merged,
        };
        let phases = self.phases(n, cold, is_listed);
        let (started_at, finished_at) = (self.now, self.now + self.step.min(BUILD));
        self.now = finished_at;
        Build {
            id: self.uuid(),
            host: "gentoo".into(),
            package: self.packages[n].name.clone(),
            version: self.packages[n].version(),
            slot: Some("0".into()),
            repository: Some(
                if n.is_multiple_of(20) {
                    "guru"
                } else {
                    "gentoo"
                }
                .into(),
            ),
            emerge: self.emerge.clone(),
            is_imported: false,
            outcome,
            started_at,
            finished_at,
            phases,
        }
    }

    fn phases(&mut self, n: usize, cold: bool, is_listed: bool) -> Vec<Phase> {
        let (language, size) = (self.packages[n].language, self.packages[n].size);
        let mut phases = Vec::new();
        let takes = self.step.min(BUILD) / 4;
        let mut start = self.now + takes;
        let parts = [("configure", 10), ("compile", 100), ("test", 40)];
        for (index, (name, part)) in parts.into_iter().enumerate() {
            if name != "compile" && self.random.percent(50) {
                continue;
            }
            let mut stats = if self.random.percent(1) {
                Err(sccache_report::sccache::NotMeasuredReason::NoAnswer.into())
            } else {
                Ok(stats(
                    &mut self.random,
                    language,
                    1 + size * part / 100,
                    cold,
                ))
            };
            let attribution = if self.random.percent(1) {
                Attribution::Shared
            } else {
                Attribution::Exact
            };
            if let (Attribution::Shared, Ok(stats)) = (attribution, &mut stats) {
                // It is of the whole server.
                stats.processor_seconds = None;
            }
            let calls = 1 + size * part / 100;
            let compilations = match (attribution, &mut stats) {
                (Attribution::Exact, Ok(stats)) if is_listed => {
                    let package = &mut self.packages[n];
                    let (directory, units) = (package.bumps, &mut package.units[index]);
                    Some(units.compilations(&mut self.more, directory, stats, cold))
                }
                _ => None,
            };
            phases.push(Phase {
                name: name.into(),
                started_at: start,
                finished_at: start + takes,
                attribution,
                read_only: false,
                shell_seconds: compilations.is_some().then_some(3.0 + calls as f64 * 0.06),
                stable_paths: None,
                compilations,
                stats,
            });
            start += takes;
        }
        phases
    }
}

/// One build more, as the hook would record it now.
fn one_more(path: &Path) -> Result<()> {
    let mut world = World::new(Machine::SMALL, 1)?;
    let build = Build {
        id: Uuid::new_v4(),
        ..world.build()
    };
    Store::open_for_recording(path)?.record(&build)?;
    Ok(())
}

/// The next build of one large package, all of whose compilations miss.
fn large(path: &Path) -> Result<()> {
    let mut random = Random(Uuid::new_v4().as_u64_pair().0);
    let mut build = World::new(Machine::SMALL, 1)?.build();
    build.id = Uuid::new_v4();
    build.started_at = Utc::now();
    build.finished_at = build.started_at;
    let mut stats = stats(&mut random, 0, LARGE, true);
    (stats.misses.total, stats.hits.total) = (LARGE, 0);
    let mut phase = build.phases.swap_remove(0);
    phase.name = "compile".into();
    let units = &mut Units::default();
    phase.compilations = Some(units.compilations(&mut random, 1, &mut stats, true));
    (phase.stats, phase.attribution) = (Ok(stats), Attribution::Exact);
    build.phases = vec![phase];
    build.package = "www-client/large".into();
    Store::open_for_recording(path)?.record(&build)?;
    Ok(())
}

const USAGE: &str = "\
Usage: generate BUILDS DATABASE [EMERGE_LOG]
       generate --one-more DATABASE
       generate --large DATABASE

Makes a new database of so many builds (1000, say), and an emerge.log of as many merges, the same
every time; or records one build more into a database that is there, or one with 50,000 misses.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(said) => {
            print!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(2)
        }
    }
}

/// Does what the arguments ask, and returns what there is to say of it.
pub fn run(arguments: &[&str]) -> Result<&'static str> {
    match arguments {
        ["--help" | "-h"] => return Ok(USAGE),
        ["--one-more", path] => one_more(Path::new(path))?,
        ["--large", path] => large(Path::new(path))?,
        [builds, path] => generate(builds, path, None)?,
        [builds, path, log] => generate(builds, path, Some(log))?,
        _ => bail!(USAGE.trim_end()),
    }
    Ok("")
}

fn generate(builds: &str, path: &str, log: Option<&str>) -> Result<()> {
    let number = builds.parse();
    let number = number.with_context(|| format!("BUILDS has to be a number, not `{builds}`"))?;
    let mut log: Box<dyn Write> = match log {
        Some(path) => Box::new(BufWriter::new(
            File::create(path).with_context(|| path.to_string())?,
        )),
        None => Box::new(std::io::sink()),
    };
    let machine = if number > FEW {
        Machine::LARGE
    } else {
        Machine::SMALL
    };
    database(machine, number, Path::new(path), &mut log)?;
    Ok(log.flush()?)
}

/// A new database of so many builds, and their emerge.log.
pub fn database(machine: Machine, builds: usize, path: &Path, log: &mut dyn Write) -> Result<()> {
    ensure!(!path.exists(), "{} is there already", path.display());
    let mut store = Store::open_for_recording(path)?;
    let mut world = World::new(machine, builds)?;
    let mut last = None;
    for begin in (0..builds).step_by(BATCH) {
        let batch: Vec<Build> = (begin..builds.min(begin + BATCH))
            .map(|_| world.build())
            .collect();
        for build in &batch {
            let emerge = build.emerge.as_ref().map(|emerge| emerge.id);
            emerge_log::log(log, build, emerge != last)?;
            last = emerge;
        }
        store.record_all(&batch)?;
    }
    Ok(())
}
