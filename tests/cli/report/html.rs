//! The page of `html`: its texts, and where it is written.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use sccache_report::sccache::NotMeasuredReason;

use crate::support::terminal::run_on_terminal;
use crate::support::*;

/// Returns the page without the time at which it was made.
pub fn page(db: &Path, args: &[&str]) -> String {
    let output = run(db, &[&["html"], args].concat());
    assert_eq!(err(&output), "");
    let page = out(&output);
    let (before, after) = page.split_once("<p>Made on ").unwrap();
    let (_, after) = after.split_once(" by ").unwrap();
    format!("{before}<p>Made by {after}")
}

/// Returns the text between two marks.
pub fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap();
    rest.split_once(end).unwrap().0
}

/// The SHA-256 hash in base64, as in a Content-Security-Policy. From sha256sum, which isn't this project's.
fn hash(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text");
    fs::write(&file, text).unwrap();
    let output = Command::new("sha256sum")
        .stdin(fs::File::open(&file).unwrap())
        .output()
        .unwrap();
    let digits = out(&output);
    let bytes: Vec<u8> = (0..64)
        .step_by(2)
        .map(|n| u8::from_str_radix(&digits[n..n + 2], 16).unwrap())
        .collect();
    BASE64_STANDARD.encode(bytes)
}

#[test]
fn the_policy_allows_only_the_style_and_the_script_of_the_page() {
    let (_folder, db) = folder();
    record(&db, &sample());
    let page = page(&db, &[]);
    let policy = between(&page, "Content-Security-Policy content=\"", "\"");
    let (style, script) = (
        hash(between(&page, "<style>", "</style>")),
        hash(between(&page, "<script>", "</script>")),
    );
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; \
             img-src data:; base-uri 'none'; form-action 'none'"
        ),
        "after a change of style.css or script.js, update the hashes in src/report/html/page.rs"
    );
    let script = between(&page, "<script>", "</script>");
    assert!(script.len() <= 4000, "{} bytes", script.len());
    // Else a browser asks the server for one.
    assert!(page.contains("<link rel=icon href=\"data:,\">"));
    for request in [
        "src=",
        "href=\"http",
        "url(",
        "@import",
        "style=",
        "onclick",
    ] {
        let markup = page.replace(script, "");
        assert!(!markup.contains(request), "{request}");
    }
}

#[test]
fn texts_of_builds_are_escaped() {
    let (_folder, db) = folder();
    let attack = "<script>alert(1)</script>\"'&\u{202e}\u{1b}[31m";
    let mut hostile = sample();
    for build in &mut hostile {
        build.package = format!("a/{attack}");
        build.version = attack.into();
        build.host = attack.into();
    }
    record(&db, &hostile);
    let page = page(&db, &[]);
    assert_eq!(page.matches("<script>").count(), 1);
    assert!(page.contains("a/&#60;script&#62;alert(1)&#60;/script&#62;&#34;&#39;&#38;"));
    assert!(!page.contains(['\u{202e}', '\u{1b}']));
}

#[test]
fn only_pages_are_replaced() {
    let (folder, db) = folder();
    record(&db, &sample());
    let file = |name: &str| folder.path().join(name);
    let write = |name: &str| {
        let output = run(&db, &["html", "-o", file(name).to_str().unwrap()]);
        // A timer would mail it.
        assert_eq!(out(&output), "");
        (output.status.code(), err(&output))
    };
    assert_eq!(write("page.html"), (Some(0), String::new()));
    let first = fs::read(file("page.html")).unwrap();
    assert!(first.starts_with(b"<!doctype html>"));
    fs::write(file("empty.html"), "").unwrap();
    for replaced in ["page.html", "empty.html"] {
        assert_eq!(write(replaced), (Some(0), String::new()), "{replaced}");
    }
    fs::write(file("text"), "my notes").unwrap();
    fs::create_dir(file("directory")).unwrap();
    std::os::unix::fs::symlink(file("page.html"), file("link")).unwrap();
    for refused in ["text", "directory", "link", "missing/page.html"] {
        let (status, error) = write(refused);
        assert_eq!(status, Some(2), "{refused}: {error}");
        assert!(error.contains(refused), "{error}");
    }
    let (_, error) = write("link");
    assert!(
        error.contains("is a symbolic link\n  name the file that it points to"),
        "{error}"
    );
    assert_eq!(fs::read(file("text")).unwrap(), b"my notes");
    let before = fs::read(&db).unwrap();
    assert_eq!(
        run(&db, &["html", "-o", db.to_str().unwrap()])
            .status
            .code(),
        Some(2)
    );
    assert_eq!(fs::read(&db).unwrap(), before);
    let left: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with('.'))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_report_without_builds_writes_no_page() {
    let (folder, db) = folder();
    record(&db, &sample());
    let file = folder.path().join("page.html");
    let output = run(&db, &["html", "nothing", "-o", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("no recorded package matches nothing"));
    assert!(!file.exists());
}

#[test]
fn a_terminal_gets_the_name_of_the_file() {
    let (folder, db) = folder();
    record(&db, &sample());
    let mut command = program();
    command
        .args(["html", "--db"])
        .arg(&db)
        .current_dir(folder.path())
        .stdin(Stdio::null());
    let (status, output, errors) = run_on_terminal(&mut command, 80);
    assert_eq!((status, errors.as_str()), (Some(0), ""));
    let file = folder.path().join("sccache-report.html");
    assert_eq!(output.trim_end(), file.to_str().unwrap());
    assert!(fs::read_to_string(file).unwrap().ends_with("</html>\n"));
}

/// Returns the documentation with its folder of a web server and its program replaced.
fn documentation(folder: &Path) -> String {
    let text = include_str!("../../../docs/html.md");
    let program = assert_cmd::cargo::cargo_bin!("sccache-report");
    text.replace("/usr/bin/sccache-report", program.to_str().unwrap())
        .replace(
            "/var/www/localhost/htdocs/sccache",
            folder.to_str().unwrap(),
        )
}

#[test]
fn the_cron_line_and_the_unit_of_the_documentation_renew_the_page_without_a_word() {
    let (folder, db) = folder();
    record(&db, &sample());
    let web = folder.path().join("web");
    fs::create_dir(&web).unwrap();
    let text = documentation(&web);
    let cron = between(&text, "15 * * * *  sccache-page  ", "\n");
    let unit = between(&text, "ExecStart=", "\n");
    for command in [cron, unit] {
        for _ in 0..2 {
            let mut shell = Command::new("sh");
            shell.args(["-c", command]).env("SCCACHE_REPORT_DB", &db);
            let output = shell.stdin(Stdio::null()).output().unwrap();
            let words = (out(&output), err(&output));
            assert_eq!(words, (String::new(), String::new()), "{command}");
            assert!(output.status.success(), "{command}");
        }
        let files = fs::read_dir(&web).unwrap();
        let files: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
        assert_eq!(files, ["index.html"]);
        fs::remove_file(web.join("index.html")).unwrap();
    }
    assert!(text.contains("[Unit]\nDescription="), "systemd shows it");
    // A locked database is read from a copy in /tmp, which ProtectSystem=strict makes read-only.
    assert!(text.contains("\nProtectSystem=strict\nPrivateTmp=yes\n"));
}

#[test]
fn every_class_of_a_column_has_a_rule() {
    let (_folder, db) = folder();
    record(&db, &sample());
    let page = page(&db, &[]);
    let style = between(&page, "<style>", "</style>");
    let classes = regex::Regex::new(r#"<table class="([^"]*)""#).unwrap();
    let mut seen = 0;
    for table in classes.captures_iter(&page) {
        for class in table[1].split_whitespace() {
            assert!(style.contains(&format!(".{class}>")), "{class}");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn long_texts_are_cut_where_it_shows() {
    let (_folder, db) = folder();
    let builds: Vec<_> = (0..60)
        .map(|n| {
            let start = format!("2026-11-{:02}T{:02}:00:00Z", 1 + n / 20, n % 20);
            let mut build = build(
                n,
                &format!("app-misc/p{}", n % 19),
                &"9".repeat(200),
                &start,
                c_stats(9, 1),
            );
            let command = format!("emerge {n} {}", "x".repeat(4000));
            build.emerge = Some(emerge(n, &command, &start));
            build
        })
        .collect();
    record(&db, &builds);
    let page = page(&db, &[]);
    assert!(page.len() <= 150_000, "{} bytes", page.len());
    let emerges = between(&page, "<section aria-labelledby=emerges>", "</section>");
    assert_eq!(emerges.matches("<summary>emerge ").count(), 50);
    assert_eq!(emerges.matches("x…</summary>").count(), 50);
}

/// What isn't known is said to be unknown, also if a package was never measured.
#[test]
fn a_page_without_numbers_says_so() {
    let (_folder, db) = folder();
    let builds = [1, 2].map(|number| {
        let start = format!("2026-11-0{number}T08:00:00Z");
        let mut build = build(number, "sys-apps/fd", "10.2.0", &start, rust_stats(0, 0));
        build.phases[0].stats = Err(NotMeasuredReason::ServerKilled.into());
        build
    });
    record(&db, &builds);
    let page = page(&db, &[]);
    for text in [
        "No build was measured.",
        "No build was measured, so the misses are unknown.",
    ] {
        assert!(page.contains(text), "{page}");
    }
    assert!(!page.contains("The cache saved no time."), "{page}");
}

#[test]
fn conditions_are_named() {
    let (_folder, db) = folder();
    record(&db, &sample());
    let scope = |args: &[&str]| {
        between(&page(&db, args), "<h1>sccache report</h1><p>", "</header>").to_owned()
    };
    assert!(!scope(&[]).contains("only"));
    let filtered = scope(&["*", "--language=rust,c", "--min-builds=1"]);
    assert!(
        filtered.ends_with("; only *, --language rust,c, --min-builds 1"),
        "{filtered}"
    );
}

#[test]
fn an_emerge_without_a_command_can_be_opened() {
    let (_folder, db) = folder();
    let start = "2026-11-01T10:00:00Z";
    let mut build = build(1, "a/b", "1", start, c_stats(9, 1));
    build.emerge = Some(emerge(1, " ", start));
    record(&db, &[build]);
    let page = page(&db, &[]);
    let emerges = between(&page, "<section aria-labelledby=emerges>", "</section>");
    assert!(
        emerges.contains("<summary>-</summary><p>a/b 1: 90.0 %"),
        "{emerges}"
    );
}

/// Without the style sheet, in a copy, and in a reader view.
#[test]
fn short_lists_have_names_that_are_text() {
    let (_folder, db) = folder();
    let builds: Vec<_> = (0..30)
        .map(|n| {
            build(
                n,
                &format!("a/p{n}"),
                "1",
                "2026-11-01T10:00:00Z",
                rust_stats(9, 1),
            )
        })
        .collect();
    record(&db, &builds);
    let page = page(&db, &[]);
    let style = between(&page, "<style>", "</style>");
    assert!(!style.contains("content:\"N"), "{style}");
    let brief = "<p>1 9+1*<p>In Rust 9+1<p>In compile 9+1<p>Not cached ";
    assert!(page.contains(brief), "{page}");
}

#[test]
fn every_link_leads_to_a_part_of_the_page() {
    let (_folder, db) = folder();
    record(&db, &sample());
    let page = page(&db, &[]);
    let links = regex::Regex::new("<a href=#([a-z0-9]+)>").unwrap();
    let mut targets: Vec<&str> = links
        .captures_iter(&page)
        .map(|link| link.extract::<1>().1[0])
        .collect();
    for target in &targets {
        let id = format!(" id={target}");
        assert_eq!(
            page.matches(&format!("{id}>")).count() + page.matches(&format!("{id} ")).count(),
            1,
            "{target}"
        );
    }
    targets.retain(|target| !target.starts_with('p') || *target == "packages");
    assert_eq!(
        targets,
        [
            "best", "trend", "calendar", "misses", "packages", "emerges", "advice"
        ]
    );
}

#[test]
fn other_periods_are_explained() {
    let (_folder, db) = folder();
    record(&db, &sample());
    let advice = "at most the 90 days before the newest build: older builds belong to settings";
    let foot = "The page covers at most the 365 days before the newest build";
    for text in [advice, foot] {
        assert!(page(&db, &[]).contains(text), "{text}");
        assert!(!page(&db, &["--since", "2000"]).contains(text), "{text}");
    }
}

#[test]
fn the_format_html_is_a_command() {
    let (_folder, db) = folder();
    let output = run(&db, &["--format", "html"]);
    assert_eq!(output.status.code(), Some(2));
    let tip = "tip: `sccache-report html` writes a page";
    assert!(err(&output).contains(tip), "{}", err(&output));
    assert!(!err(&run(&db, &["--format", "xml"])).contains("sccache-report html"));
}
