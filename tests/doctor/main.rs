//! `sccache-report doctor` on a real Portage: each check is broken, seen, and cured by what was printed.

mod cache;
mod database;
mod hook;
mod servers;
mod settings;
#[path = "../support/mod.rs"]
mod support;

use serde_json::Value;
use support::Root;

/// What is done to a healthy system, and what doctor is to see of it.
struct Case {
    check: &'static str,
    state: &'static str,
    /// Commands that change nothing of what doctor sees, but that `break_` needs.
    before: &'static str,
    break_: &'static str,
    /// What the cure does not end at once: waited for before the last look.
    after: &'static str,
}

const CASE: Case = Case {
    check: "",
    state: "red",
    before: "",
    break_: "",
    after: "",
};

/// Runs doctor before, broken and cured, with the cure taken from the text as a person would paste it.
const SCRIPT: &str = r#"
conf=/mnt/gentoo/etc/portage/make.conf bashrc=/mnt/gentoo/etc/portage/bashrc
cache=/mnt/gentoo/var/cache/sccache db=/mnt/gentoo/var/lib/sccache-report/stats.db
hook=/mnt/gentoo/usr/share/sccache-report/sccache-report.sh
doctor() { sccache-report doctor --format json > /tmp/$1.json; echo $? > /tmp/$1.status; }
sql() { python3 -c "import sqlite3, sys; c = sqlite3.connect('$db'); c.execute(sys.argv[1]); c.commit()" "$1"; }
before
if [[ $again ]]; then for end in json status; do mv /tmp/{cured,before}.$end; done; else doctor before; fi
break_; doctor broken
sccache-report doctor > /tmp/broken.txt
awk -v check="$check" '/^[^ ]/ { on = ($2 == check); next } (on || check == "") && (/^    [^ ]/ || /^      [^ ]/)' /tmp/broken.txt > /tmp/cure.sh
cat /tmp/cure.sh
bash -e /tmp/cure.sh || exit
after; doctor cured
"#;

/// The checks that are neither green nor unknown: `red hook`.
fn ailing(rows: &[Value]) -> Vec<String> {
    let ailing = rows
        .iter()
        .filter(|row| row["state"] == "red" || row["state"] == "yellow");
    ailing
        .map(|row| {
            format!(
                "{} {}",
                row["state"].as_str().unwrap(),
                row["check"].as_str().unwrap()
            )
        })
        .collect()
}

/// Breaks several at once, pastes every cure in the order in which it is printed, and sees all well.
#[track_caller]
fn paste_all(root: &Root, break_: &str, expected: &[&str]) {
    let script = format!(
        "check= again=\nbefore() {{ :; }}; after() {{ :; }}\nbreak_() {{ :\n{break_}\n}}\n{SCRIPT}"
    );
    let run = root.run(&["bash", "-c", &script]);
    assert!(run.status.success(), "{}", run.log);
    let of = |name| ailing(&rows(root, name).0);
    assert_eq!(of("broken"), expected, "{}", run.log);
    assert_eq!(of("cured"), [""; 0], "{}", run.log);
}

fn rows(root: &Root, name: &str) -> (Vec<Value>, String) {
    let json: Value = serde_json::from_str(&root.read(&format!("tmp/{name}.json"))).unwrap();
    assert_eq!(json["schema"], 1);
    let rows = json["rows"].as_array().unwrap().clone();
    (
        rows,
        root.read(&format!("tmp/{name}.status")).trim().to_owned(),
    )
}

fn row<'a>(rows: &'a [Value], check: &str) -> &'a Value {
    rows.iter().find(|row| row["check"] == check).unwrap()
}

/// Whether there is a space in it, outside quotes; only the last word of a line may be too wide.
fn can_be_broken(line: &str) -> bool {
    let outside: String = line.split('\'').step_by(2).collect();
    outside.trim().trim_end_matches(" \\").contains(' ')
}

/// Commands put together at run time, as a [`Case`] takes them.
fn leak(commands: String) -> &'static str {
    Box::leak(commands.into_boxed_str())
}

/// One after another on the same system: what heals one leaves it well for the next.
#[track_caller]
fn break_and_heal(cases: &[Case]) {
    let root = Root::new();
    cases.iter().for_each(|case| on(&root, case));
}

#[track_caller]
fn on(root: &Root, case: &Case) {
    let functions = [
        ("before", case.before),
        ("break_", case.break_),
        ("after", case.after),
    ];
    let functions: String = functions
        .iter()
        .map(|(name, body)| format!("{name}() {{ :\n{body}\n}}\n"))
        .collect();
    // Nothing has changed since it was last looked at.
    let again = case.before.is_empty() && root.file("tmp/cured.json").exists();
    let again = if again { "yes" } else { "" };
    let script = format!("check={} again={again}\n{functions}{SCRIPT}", case.check);
    let run = root.run(&["bash", "-c", &script]);
    assert!(run.status.success(), "{}", run.log);
    let (before, status) = rows(root, "before");
    assert_eq!((ailing(&before), &*status), (vec![], "0"), "{before:#?}");
    let (broken, status) = rows(root, "broken");
    let expected = format!("{} {}", case.state, case.check);
    assert_eq!(ailing(&broken), [expected], "{broken:#?}\n{}", run.log);
    assert_eq!(status, if case.state == "red" { "1" } else { "0" });
    assert!(row(&broken, case.check)["cure"].is_string());
    let (cured, status) = rows(root, "cured");
    assert_eq!(
        (ailing(&cured), &*status),
        (vec![], "0"),
        "{cured:#?}\n{}",
        run.log
    );
    assert_eq!(row(&cured, case.check)["state"], "green");
    let text = root.read("tmp/broken.txt");
    let too_wide = |line: &&str| line.chars().count() > 80 && can_be_broken(line);
    assert_eq!(text.lines().find(too_wide), None, "{text}");
}
