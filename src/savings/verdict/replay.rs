//! Follows verdicts through generated histories.
//!
//! A history has the builds of one user over some years. Before each build, the verdict from the
//! earlier builds decides whether the package is built with the cache. While it isn't, the cache
//! neither saves nor costs anything, and nothing is recorded.
//!
//! Sums are those of the truth, and verdicts rest on what is recorded: with the noise of measurements.

use super::*;

const HISTORIES: u64 = 1000;

/// Two sums are equal if they differ by less than this share of the history's compiling. Two runs of
/// one build differ by ten times as much.
const EQUAL: f64 = 0.01;

/// The prior is recomputed after this many builds: that is often enough, and takes less time.
const PRIOR_INTERVAL: usize = 40;

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

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// From 0 to `end`, without it.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.share()
    }

    fn happens(&mut self, probability: f64) -> bool {
        self.share() < probability
    }

    /// A factor with the noise of a measurement.
    fn noise(&mut self) -> f64 {
        self.between(0.85, 1.15)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    /// Builds the same version again: other USE flags, rebuilt dependencies, `--emptytree`.
    Rebuilds,
    Mixed,
    /// Nearly every build is of a new version, as with ~amd64.
    NewVersions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compilers {
    All,
    OnlyC,
    /// As after `sccache-report setup`.
    OnlyRust,
}

struct User {
    habit: Habit,
    compilers: Compilers,
    /// How often objects are gone when they are needed.
    evictions: f64,
    /// How often a rebuild has other USE flags, CFLAGS, or compilers.
    other_flags: f64,
}

/// The truth about a package. Shares are of what its compiling costs without a cache.
struct Package {
    /// What its compiling costs, in seconds.
    cost: f64,
    /// The share of rebuilds among its later builds.
    rebuilds: f64,
    overhead: f64,
    rebuild_hits: f64,
    new_version_hits: f64,
    /// The share of rebuilds that hit hardly anything.
    lost: f64,
    /// The error of what its objects are known to cost, as a factor.
    cost_error: f64,
    versions: u64,
    builds: u64,
}

impl User {
    fn new(random: &mut Random) -> User {
        User {
            habit: match random.share() {
                x if x < 0.4 => Habit::Rebuilds,
                x if x < 0.75 => Habit::Mixed,
                _ => Habit::NewVersions,
            },
            compilers: match random.share() {
                x if x < 0.65 => Compilers::All,
                x if x < 0.8 => Compilers::OnlyC,
                _ => Compilers::OnlyRust,
            },
            // A quarter has a cache that is too small.
            evictions: if random.happens(0.25) {
                random.between(0.1, 0.5)
            } else {
                0.02
            },
            other_flags: random.between(0.0, 0.2),
        }
    }

    fn package(&self, random: &mut Random) -> Package {
        let (low, high) = match self.habit {
            Habit::Rebuilds => (0.1, 0.6),
            Habit::Mixed => (0.0, 0.3),
            Habit::NewVersions => (0.0, 0.06),
        };
        let is_rust = match self.compilers {
            Compilers::All => random.happens(0.25),
            Compilers::OnlyC => false,
            Compilers::OnlyRust => true,
        };
        let size = random.share();
        let mut package = Package {
            cost: 5.0 * 200_f64.powf(size),
            // Most packages are near the lower end.
            rebuilds: low + (high - low) * random.share().powi(2),
            overhead: random.between(0.02, 0.15),
            rebuild_hits: random.between(0.9, 1.0),
            new_version_hits: 0.0,
            lost: self.evictions + self.other_flags,
            cost_error: random.noise(),
            versions: 0,
            builds: 0,
        };
        if is_rust {
            // 12 % for a package of emlop's size (measured).
            package.overhead = random.between(0.05, 0.25 - 0.17 * size);
            package.new_version_hits = random.between(0.0, 0.05);
        } else if random.happens(0.2) {
            // A tiny one: starting compilers costs the most.
            package.cost = random.between(0.3, 5.0);
            package.overhead = random.between(0.2, 1.2);
            package.new_version_hits = random.between(0.0, 0.9);
        } else if random.happens(0.6) {
            package.new_version_hits = random.between(0.05, 0.9);
        }
        package
    }
}

impl Package {
    /// Returns the expected net share of a later build.
    fn expected(&self) -> f64 {
        let rebuild_hits = self.rebuild_hits * (1.0 - self.lost) + 0.1 * self.lost;
        let hits = self.rebuilds * rebuild_hits + (1.0 - self.rebuilds) * self.new_version_hits;
        hits - self.overhead
    }

    /// Builds it with the cache. Returns what is recorded, and what the cache truly saved.
    fn build(&mut self, random: &mut Random) -> (PastBuild, f64) {
        let is_rebuild = self.builds > 0 && random.happens(self.rebuilds);
        let hits = if is_rebuild && random.happens(self.lost) {
            random.between(0.0, 0.2)
        } else if is_rebuild {
            self.rebuild_hits
        } else if self.builds > 0 {
            (self.new_version_hits * random.between(0.5, 1.5)).min(1.0)
        } else {
            0.0
        };
        self.builds += 1;
        self.versions += u64::from(!is_rebuild);
        let cost = self.cost * random.noise();
        let hit_cost = hits * cost * self.cost_error * random.noise();
        let miss_cost = (1.0 - hits) * cost * random.noise();
        let overhead = self.overhead * cost * random.noise();
        let build = PastBuild {
            version: self.versions.to_string(),
            is_example: true,
            misses: 100,
            saved_seconds: Some(hit_cost - overhead),
            costs: Some((hit_cost, miss_cost)),
            ..PastBuild::default()
        };
        (build, (hits - self.overhead) * cost)
    }
}

/// What the cache saved in one or more histories, in seconds, and how verdicts did.
#[derive(Clone, Copy, Debug, Default)]
struct Result {
    followed: f64,
    always: f64,
    /// For somebody who knows the truth after having built each package often enough for `costs`.
    best: f64,
    /// What compiling costs without a cache.
    cost: f64,
    /// Packages with 5 builds or more.
    packages: u64,
    undecided: u64,
    wrong: u64,
}

impl Result {
    fn add(&mut self, other: &Result) {
        self.followed += other.followed / other.cost;
        self.always += other.always / other.cost;
        self.packages += other.packages;
        self.undecided += other.undecided;
        self.wrong += other.wrong;
    }

    /// Whether a sum is at least as high as with the cache always and never on.
    fn is_best(&self, sum: f64) -> bool {
        sum >= self.always.max(0.0) - EQUAL * self.cost
    }
}

fn replay(random: &mut Random) -> Result {
    let user = User::new(random);
    let count = 10 + random.below(40);
    let mut packages: Vec<Package> = (0..count).map(|_| user.package(random)).collect();
    let mut order: Vec<usize> = Vec::new();
    for index in 0..count {
        let builds = 1.0 + 30.0 * random.share().powi(2);
        order.extend(vec![index; builds as usize]);
    }
    for index in (1..order.len()).rev() {
        order.swap(index, random.below(index + 1));
    }
    let mut recorded: Vec<Vec<PastBuild>> = vec![Vec::new(); count];
    let (mut is_on, mut later) = (vec![true; count], vec![0.0; count]);
    let mut prior = Prior::from_packages([]);
    let mut result = Result::default();
    for (step, index) in order.into_iter().enumerate() {
        if step % PRIOR_INTERVAL == 0 {
            prior = Prior::from_packages(recorded.iter().map(Vec::as_slice));
        }
        is_on[index] &= Verdict::new(&recorded[index], &prior).kind != Kind::Costs;
        let (build, saved) = packages[index].build(random);
        result.always += saved;
        result.cost += packages[index].cost;
        if is_on[index] {
            result.followed += saved;
            recorded[index].push(build);
        }
        if packages[index].builds > MIN_COSTED_BUILDS {
            later[index] += saved;
        } else {
            result.best += saved;
        }
    }
    result.best += later.iter().map(|saved| saved.max(0.0)).sum::<f64>();
    for (package, builds) in packages.iter().zip(&recorded) {
        if package.builds >= 5 {
            let kind = Verdict::new(builds, &prior).kind;
            result.packages += 1;
            result.undecided += u64::from(kind == Kind::Undecided);
            let expected = package.expected();
            let is_wrong =
                kind == Kind::Pays && expected < 0.0 || kind == Kind::Costs && expected > 0.0;
            result.wrong += u64::from(is_wrong);
        }
    }
    result
}

/// Without a gain, nobody who has to try the cache first can beat one that was never on: no package pays,
/// or not enough for having tried the others. There, verdicts have to avoid a part of the loss.
#[test]
fn verdicts_beat_a_cache_that_is_always_on_and_one_that_is_never_on() {
    let (mut all, mut without_gain) = (Result::default(), Result::default());
    let (mut possible, mut best, mut best_of_all) = (0, 0, 0);
    for seed in 0..HISTORIES {
        let result = replay(&mut Random(seed));
        all.add(&result);
        let is_best = result.is_best(result.followed);
        best_of_all += u64::from(is_best);
        if result.best >= result.always.max(0.0) {
            possible += 1;
            best += u64::from(is_best);
        } else {
            without_gain.add(&result);
        }
    }
    let percent = |part: u64, whole: u64| 100.0 * part as f64 / whole as f64;
    let best = percent(best, possible);
    let wrong = percent(all.wrong, all.packages);
    println!(
        "best: {best:.1} % of {possible} histories with a gain ({:.1} % of all); wrong: {wrong:.2} \
         % of {} packages; undecided: {:.1} %",
        percent(best_of_all, HISTORIES),
        all.packages,
        percent(all.undecided, all.packages),
    );
    let mean = |sum: f64, histories: u64| 100.0 * sum / histories as f64;
    println!(
        "saved of compiling: followed {:.2} %, always {:.2} %; in histories without a gain {:.2} \
         % and {:.2} %",
        mean(all.followed, HISTORIES),
        mean(all.always, HISTORIES),
        mean(without_gain.followed, HISTORIES - possible),
        mean(without_gain.always, HISTORIES - possible),
    );
    assert!(best >= 95.0, "{best}");
    assert!(wrong <= 2.0, "{wrong}");
    assert!(all.followed > all.always);
    assert!(without_gain.followed > 0.75 * without_gain.always);
}
