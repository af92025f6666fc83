use super::*;
use sccache_report::portage::{Build, Outcome};
use sccache_report::sccache::Level;
use std::collections::BTreeMap;

/// What breaks out of text, attributes, styles, scripts, and comments, and what is escaped twice.
const TEXTS: [&str; 12] = [
    "<script>executed()</script>",
    "</script><script>executed()</script>",
    "</style></title></textarea><img src=http://127.0.0.1:9/x onerror=executed()>",
    "\"><svg onload=executed()>",
    "' autofocus onfocus='executed()",
    "x onmouseover=executed() style=background:url(http://127.0.0.1:9/y)",
    "javascript:executed()",
    "--><iframe src=javascript:parent.executed()></iframe><!--",
    "]]><link rel=stylesheet href=//127.0.0.1:9/z><base href=//127.0.0.1:9>",
    "&lt;script&gt;&amp;#60;&quot;",
    "{{ 7 * 7 }}${7*7}\\u003cscript>\u{202e}\u{1b}[31m\u{0}\u{2028}",
    "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW",
];

/// Returns builds with such text wherever there is text, cold and then warm.
pub fn builds() -> Vec<Build> {
    let both = TEXTS.iter().enumerate().flat_map(|(n, text)| {
        let list: Vec<_> = (0..20)
            .map(|key| listed::miss(&format!("{key}{text}.o"), n as u64 * 100 + key))
            .collect();
        let hits: Vec<_> = list
            .iter()
            .map(|c| listed::hit(&c.unit, c.key.unwrap().0))
            .collect();
        let (day, package) = (n as u32 + 1, format!("{text}/{text}"));
        let mut cold = listed::listed(day, &package, &list);
        let mut warm = listed::listed(day + 14, &package, &hits);
        cold.id = id(2 * n as u128);
        warm.id = id(2 * n as u128 + 1);
        cold.outcome = Outcome::Failed;
        [cold, warm].map(|build| hostile(build, n as u128, text))
    });
    both.collect()
}

fn hostile(mut build: Build, number: u128, text: &str) -> Build {
    let owned = || text.to_string();
    (build.host, build.version) = (owned(), owned());
    (build.slot, build.repository) = (Some(owned()), Some(owned()));
    let started_at = build.started_at.to_rfc3339();
    build.emerge = Some(emerge(number, text, &started_at));
    let phase = &mut build.phases[0];
    phase.name = owned();
    let stats = phase.stats.as_mut().unwrap();
    for counts in [&mut stats.hits, &mut stats.misses] {
        counts.languages = BTreeMap::from([(owned(), counts.total)]);
        counts.compilers = BTreeMap::from([(owned(), counts.total)]);
    }
    stats.not_cached = BTreeMap::from([(owned(), 200), ("incremental".into(), 100)]);
    (stats.cache_location, stats.version) = (Some(owned()), Some(owned()));
    stats.levels = vec![Level {
        name: owned(),
        location: Some(owned()),
        hits: 1,
        misses: 2,
        ..Level::default()
    }];
    let not_measured = NotMeasured::with_detail(NotMeasuredReason::NoAnswer, owned());
    let start = phase.finished_at;
    build
        .phases
        .push(support::phase(text, start, Err(not_measured)));
    build
}

/// Returns the builds as those of one host, which the page names.
fn builds_of_one_host() -> Vec<Build> {
    let mut builds = builds();
    for build in &mut builds {
        build.host = TEXTS[10].into();
    }
    builds
}

#[test]
#[ignore = "needs Chromium and Node.js"]
fn hostile_text_is_text() {
    let page = Page::of(|db| record(db, &builds()));
    page.passes("hostile");
    page.passes("sizes");
}

#[test]
#[ignore = "needs Chromium and Node.js"]
fn hostile_text_of_one_host_is_text() {
    let page = Page::of(|db| record(db, &builds_of_one_host()));
    let text = fs::read_to_string(&page.path).unwrap();
    let (_, advice) = text.split_once("<section aria-labelledby=advice>").unwrap();
    assert!(
        advice.contains("<pre") && advice.contains("&#60;script"),
        "{advice}"
    );
    for hidden in ['\u{202e}', '\u{1b}', '\0', '\u{2028}'] {
        assert!(!text.contains(hidden), "{hidden:?}");
    }
    page.passes("hostile");
    page.passes("accessible");
}
