mod layouts;

use proptest::collection::btree_map;
use proptest::option::of;
use proptest::prelude::*;

use super::*;
use crate::sccache::parse::LIMIT;

/// A block that the well-known bashrc recipe printed.
const LOG: &str = " * Stopping sccache server...
 * Compile requests                    193
 * Compile requests executed           144
 * Cache hits                          144
 * Cache hits (Rust)                   144
 * Cache misses                          0
 * Cache timeouts                        0
 * Cache errors                          0
 * Non-cacheable calls                  49
 * Average cache write               0.000 s
 * Average cache read hit            0.010 s
 * 
 * Non-cacheable reasons:
 * crate-type                           47
 * -                                     2
 * 
 * Cache location                  Local disk: \"/var/cache/sccache\"
 * Cache size                          261 MiB
 * Max cache size                       10 GiB
";

fn parsed(text: &str) -> Stats {
    parse_text(text).unwrap()
}

#[test]
fn a_log_with_einfo_prefixes() {
    let stats = parsed(LOG);
    assert_eq!((stats.requests, stats.executed), (Some(193), Some(144)));
    assert_eq!((stats.hits.total, stats.misses.total), (144, 0));
    assert_eq!(stats.hits.languages["Rust"], 144);
    assert_eq!(stats.non_cacheable, Some(49));
    assert_eq!(stats.read_hit_seconds, Some(0.01 * 144.0));
    assert_eq!(stats.compiler_seconds, None);
    let reasons = [("-".to_owned(), 2), ("crate-type".to_owned(), 47)];
    assert_eq!(stats.not_cached, reasons.into());
    assert_eq!(stats.cache_size, Some(261 << 20));
    assert_eq!(stats.max_cache_size, Some(10 << 30));
    assert_eq!(stats.unrecognized, [""; 0]);
}

#[test]
fn surrounding_text_changes_nothing() {
    let stats = parsed(LOG);
    let plain = LOG.replace(" * ", "");
    for variant in [
        plain.clone(),
        plain.replace('\n', "\r\n"),
        plain.replace('\n', "   \n"),
        LOG.replace(" * ", "\x1b[32;01m * \x1b[39;49;00m"),
        format!("make: Leaving directory\nerror: 3 files   12\n{plain}"),
        format!("{plain}\n"),
        plain.trim_end().to_owned(),
    ] {
        assert_eq!(parsed(&variant), stats, "{variant}");
    }
}

#[test]
fn the_first_of_several_blocks_is_read() {
    let second = LOG.replace("144", "7");
    assert_eq!(parsed(&format!("{LOG}{second}")), parsed(LOG));
}

#[test]
fn known_lines_of_a_later_version_are_read() {
    let later = LOG
        .replace(" * Cache timeouts   ", " * Cache wormholes  ")
        .replace(
            " * Non-cacheable calls",
            " * Compile requests (Rust)  3\n * Non-cacheable calls",
        )
        .replace(
            " * Cache location",
            " * Cache colour      blue\n * Cache location",
        );
    let stats = parsed(&later);
    assert_eq!(stats.timeouts, None);
    assert_eq!(stats.hits.total, 144);
    assert_eq!(stats.requests, Some(193));
    assert_eq!(stats.unrecognized.len(), 3, "{:?}", stats.unrecognized);
    assert!(stats.unrecognized[2].ends_with("blue"));
}

#[test]
fn impossible_numbers_are_errors() {
    let number = "Cache hits                          144";
    for bad in [
        "-3",
        "1,234",
        "1.234",
        "1'234",
        "99999999999999999999",
        "9007199254740993",
        "3 s",
    ] {
        let text = LOG.replace(number, &format!("Cache hits       {bad}"));
        let error = parse_text(&text).unwrap_err();
        assert!(
            matches!(error, ParseError::BadValue { .. }),
            "{bad}: {error}"
        );
    }
    let spaced = LOG.replace(number, "Cache hits      1 234");
    assert_eq!(
        parse_text(&spaced),
        Err(ParseError::Missing { name: "Cache hits" })
    );
    assert!(parse_text(&LOG.replace("0.010 s", "-0.010 s")).is_err());
    assert!(
        parse_text(&LOG.replace("crate-type                           47", "crate-type  4,7"))
            .is_err()
    );
}

#[test]
fn lines_of_other_programs_are_unrecognized() {
    let noise = " * -                                     2\n";
    let text = LOG.replace(noise, &format!("make[1]: Leaving directory\n{noise}"));
    let stats = parsed(&text);
    assert_eq!(stats.not_cached.len(), 2);
    assert_eq!(stats.unrecognized, ["make[1]: Leaving directory"]);
}

#[test]
fn no_statistics_is_an_error() {
    for text in [
        "",
        "\n",
        "Stopping sccache server...\n",
        "hello\nCache of things 3\n",
    ] {
        assert_eq!(parse_text(text), Err(ParseError::NoStatistics), "{text}");
    }
}

#[test]
fn an_incomplete_text_is_correct_or_an_error() {
    let whole = parsed(LOG);
    for end in 0..LOG.len() {
        let Ok(stats) = parse_text(&LOG[..end]) else {
            continue;
        };
        assert_eq!((&stats.hits, &stats.misses), (&whole.hits, &whole.misses));
        let right = |part: Option<u64>, whole| part.is_none() || part == whole;
        assert!(right(stats.non_cacheable, whole.non_cacheable), "{end}");
        assert!(right(stats.cache_size, whole.cache_size), "{end}");
        assert!(right(stats.max_cache_size, whole.max_cache_size), "{end}");
        for (reason, count) in &stats.not_cached {
            assert_eq!(whole.not_cached.get(reason), Some(count), "{end}");
        }
    }
    let cut = LOG.find(" * Cache errors").unwrap();
    assert_eq!(
        parse_text(&LOG[..cut]),
        Err(ParseError::Missing {
            name: "Cache errors"
        })
    );
}

#[test]
fn distributed_compiles_and_odd_reasons_are_read() {
    let text = LOG.replace(
        " * Non-cacheable reasons:\n",
        " * Successful distributed compiles\n *   10.0.0.1:10501      12\n * \n * Non-cacheable reasons:\n * crate-type (bin)    3\n * -ftest-coverage [gcc]  4\n * @file   5\n",
    );
    let stats = parsed(&text);
    assert_eq!(stats.dist_compiles["10.0.0.1:10501"], 12);
    assert_eq!(stats.not_cached["crate-type (bin)"], 3);
    assert_eq!(stats.not_cached["-ftest-coverage [gcc]"], 4);
    assert_eq!(stats.not_cached.len(), 5);
}

#[test]
fn the_levels_of_a_cache_are_read() {
    let text = "\
Cache hits                            4
Cache misses                          1
Cache errors                          0
Multi-level cache levels              2
  L0 (disk) hits                      3
  L0 (disk) hit rate              60.00 %
  L0 (disk) avg cache read hit    0.010 s
  L1 (redis) backfills from           1

Cache location                  Multi-level
  L0 (disk)                     Local disk: \"/var/cache/sccache\"
  L1 (redis)                    redis, name: unix://:secret@localhost/r, prefix: /
";
    let stats = parsed(text);
    assert_eq!((stats.hits.total, stats.misses.total), (4, 1));
    assert_eq!(stats.cache_location.as_deref(), Some("Multi-level"));
    let [disk, redis] = &stats.levels[..] else {
        panic!("{stats:?}");
    };
    assert_eq!((&*disk.name, disk.hits), ("L0 (disk)", 3));
    assert_eq!((&*redis.name, redis.backfills_from), ("L1 (redis)", 1));
    let location = "redis, name: unix://localhost/r, prefix: /";
    assert_eq!(redis.location.as_deref(), Some(location));
    assert_eq!(parsed(&print_block(&stats)).levels, stats.levels);
    assert_eq!(stats.unrecognized, [""; 0]);
}

#[test]
fn compilers_and_languages_are_told_apart() {
    let text = "Cache hits  3\nCache hits (c [gcc])  2\nCache hits (rust)  1\nCache misses  4\n\
        Cache misses (CUDA (Device code))  4\nCache errors  0\n";
    let stats = parsed(text);
    assert_eq!(stats.hits.compilers.len(), 2);
    assert_eq!(stats.hits.compilers["c [gcc]"], 2);
    assert_eq!(stats.misses.languages["CUDA (Device code)"], 4);
}

fn counts() -> impl Strategy<Value = Counts> {
    let languages = prop::sample::subsequence(
        vec![
            "Assembler",
            "C/C++",
            "CUDA",
            "CUDA (Device code)",
            "HIP",
            "PTX",
            "Rust",
        ],
        0..4,
    );
    (languages, any::<u32>()).prop_map(|(languages, n)| {
        let languages: std::collections::BTreeMap<_, _> = languages
            .into_iter()
            .map(|l| (l.to_owned(), u64::from(n)))
            .collect();
        Counts {
            total: languages.values().sum(),
            languages,
            compilers: Default::default(),
        }
    })
}

fn count() -> impl Strategy<Value = Option<u64>> {
    of(0..=LIMIT)
}

prop_compose! {
    /// What a text can carry: sizes in whole units, no writes, no compilers.
    fn model()(
        a in (count(), count(), count(), count(), count(), count(), count(), count()),
        b in (count(), count(), count(), count(), count()),
        per_language in (counts(), counts(), counts()),
        not_cached in btree_map("[-@a-z][-a-z0-9,=]{0,9}( [-a-z\\[\\]()]{1,9}){0,2}", 0..=LIMIT, 0..4),
        dist_compiles in btree_map("[a-z0-9.]{1,12}:[0-9]{1,5}", 0..=LIMIT, 0..3),
        cache_location in of("[a-zA-Z3]{2,9}, [a-z]{1,5}: \"/[a-z ]{0,9}/[a-z]\""),
        base_directories in of(prop::collection::vec("/[a-z]{1,9}", 0..3)),
        preprocessor_cache_mode in any::<Option<bool>>(),
        version in of("[0-9]{1,2}\\.[0-9]{1,2}\\.[0-9]"),
        sizes in (of(0..1024_u64), of(0..1024_u64), 0..4_u32),
    ) -> Stats {
        let (hits, misses, errors) = per_language;
        Stats {
            requests: a.0, executed: a.1, unsupported_compiler: a.2, non_compilation: a.3,
            non_cacheable: a.4, timeouts: a.5, read_errors: a.6, write_errors: a.7,
            forced_recaches: b.0, non_cacheable_compilations: b.1, compilations: b.2,
            compile_failures: b.3, dist_errors: b.4,
            hits, misses, errors: Some(errors), not_cached, dist_compiles,
            cache_location, base_directories, preprocessor_cache_mode, version,
            cache_size: sizes.0.map(|n| n << (10 * sizes.2)),
            max_cache_size: sizes.1.map(|n| n << (10 * sizes.2)),
            ..Stats::default()
        }
    }
}

proptest! {
    #[test]
    fn printed_statistics_are_read_back(stats in model()) {
        prop_assert_eq!(parse_text(&print_block(&stats)), Ok(stats));
    }

    #[test]
    fn average_times_are_read_back_to_a_millisecond(
        n in 1..100_000_u64,
        seconds in 0.0..1e6_f64,
    ) {
        let hits = Counts { total: n, ..Counts::default() };
        let stats = Stats {
            hits: hits.clone(), misses: hits, errors: Some(Counts::default()),
            read_hit_seconds: Some(seconds), compiler_seconds: Some(seconds),
            ..Stats::default()
        };
        let back = parse_text(&print_block(&stats)).unwrap();
        for read in [back.read_hit_seconds, back.compiler_seconds] {
            prop_assert!((read.unwrap() - seconds).abs() <= 0.001 * n as f64);
        }
    }

    #[test]
    fn no_text_panics(text in "[ *a-zA-Z0-9().,:%\\-\x1b\\[\r\nµ]{0,200}", cut in 0..LOG.len()) {
        let _ = parse_text(&text);
        let _ = parse_text(&format!("{}{text}", &LOG[..cut]));
        let _ = super::super::json::parse_json(text.as_bytes());
    }
}
