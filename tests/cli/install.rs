//! `make install` and `make uninstall`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs `make` with the tested programs and a umask that excludes other users.
fn make(target: &str, variables: &[String]) -> Output {
    let programs = Path::new(env!("CARGO_BIN_EXE_sccache-report"));
    let output = Command::new("sh")
        .args(["-c", "umask 077; exec make -s \"$@\"", "make", target])
        .arg(format!("BINARIES={}", programs.parent().unwrap().display()))
        .args(variables)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    output
}

/// Returns every file and folder below a folder, with its mode.
fn tree(root: &Path) -> BTreeSet<(PathBuf, u32)> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let what = fs::symlink_metadata(&path).unwrap();
            let below = path.strip_prefix(root).unwrap().to_path_buf();
            found.insert((below, what.permissions().mode() & 0o7777));
            if what.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}

const INSTALLED: [(&str, u32); 37] = [
    ("bin/sccache-collect", 0o755),
    ("bin/sccache-report", 0o755),
    ("share/sccache-report/sccache-fleet-pull", 0o755),
    ("share/sccache-report/postgresql/push", 0o755),
    ("share/sccache-report/postgresql/schema.sql", 0o644),
    ("share/sccache-report/postgresql/overview.sql", 0o644),
    ("share/sccache-report/sccache-report.sh", 0o644),
    ("share/sccache-report/stable-paths.sh", 0o644),
    ("share/sccache-report/no-sccache.sh", 0o644),
    ("share/man/man1/sccache-collect.1", 0o644),
    ("share/man/man1/sccache-collect-forget.1", 0o644),
    ("share/man/man1/sccache-collect-merge.1", 0o644),
    ("share/man/man1/sccache-collect-import.1", 0o644),
    ("share/man/man1/sccache-collect-paths.1", 0o644),
    ("share/man/man1/sccache-collect-phase.1", 0o644),
    ("share/man/man1/sccache-collect-record.1", 0o644),
    ("share/man/man1/sccache-collect-redis.1", 0o644),
    ("share/man/man1/sccache-report.1", 0o644),
    ("share/man/man1/sccache-report-advise.1", 0o644),
    ("share/man/man1/sccache-report-builds.1", 0o644),
    ("share/man/man1/sccache-report-doctor.1", 0o644),
    ("share/man/man1/sccache-report-emerges.1", 0o644),
    ("share/man/man1/sccache-report-explain.1", 0o644),
    ("share/man/man1/sccache-report-html.1", 0o644),
    ("share/man/man1/sccache-report-metrics.1", 0o644),
    ("share/man/man1/sccache-report-overview.1", 0o644),
    ("share/man/man1/sccache-report-packages.1", 0o644),
    ("share/man/man1/sccache-report-setup.1", 0o644),
    ("share/man/man1/sccache-report-show.1", 0o644),
    ("share/man/man1/sccache-report-trend.1", 0o644),
    ("share/man/man5/sccache-report.5", 0o644),
    ("share/bash-completion/completions/sccache-collect", 0o644),
    ("share/bash-completion/completions/sccache-report", 0o644),
    ("share/zsh/site-functions/_sccache-collect", 0o644),
    ("share/zsh/site-functions/_sccache-report", 0o644),
    (
        "share/fish/vendor_completions.d/sccache-collect.fish",
        0o644,
    ),
    ("share/fish/vendor_completions.d/sccache-report.fish", 0o644),
];

#[test]
fn install_and_uninstall() {
    for prefix in ["/usr", "/usr/local", "/opt/with space"] {
        let root = tempfile::tempdir().unwrap();
        let other = root
            .path()
            .join("usr/share/fish/vendor_completions.d/other.fish");
        fs::create_dir_all(other.parent().unwrap()).unwrap();
        fs::create_dir_all(root.path().join(&prefix[1..])).unwrap();
        fs::write(&other, "").unwrap();
        let before = tree(root.path());

        let variables = [
            format!("DESTDIR={}", root.path().display()),
            format!("PREFIX={prefix}"),
        ];
        make("install", &variables);
        let below = Path::new(&prefix[1..]);
        let installed = tree(root.path());
        let files: BTreeSet<_> = installed
            .difference(&before)
            .filter(|(path, _)| root.path().join(path).is_file())
            .cloned()
            .collect();
        let expected = INSTALLED.map(|(path, mode)| (below.join(path), mode));
        assert_eq!(files, BTreeSet::from(expected), "{prefix}");
        let page = root
            .path()
            .join(below)
            .join("share/man/man5/sccache-report.5");
        let page = fs::read_to_string(page).unwrap().replace("\\-", "-");
        let hook = format!(".B source {prefix}/share/sccache-report/sccache-report.sh");
        assert!(page.contains(&hook), "{page}");
        let page = root
            .path()
            .join(below)
            .join("share/man/man1/sccache-report.1");
        let page = fs::read_to_string(page).unwrap();
        assert!(page.contains(".SH NOTES\n.nf\nTerms:"), "{page}");
        for (path, _) in &files {
            assert_ne!(fs::metadata(root.path().join(path)).unwrap().len(), 0);
        }

        make("install", &variables);
        assert_eq!(
            tree(root.path()),
            installed,
            "installed twice below {prefix}"
        );
        make("uninstall", &variables);
        assert_eq!(tree(root.path()), before, "uninstalled from {prefix}");
        make("uninstall", &variables);
        // Lines of setup are left.
        let conf = root.path().join("etc/portage/make.conf");
        fs::create_dir_all(conf.parent().unwrap()).unwrap();
        fs::write(&conf, "# BEGIN sccache-report setup 12345678\n").unwrap();
        let output = make("uninstall", &variables);
        assert!(String::from_utf8_lossy(&output.stdout).contains("sccache-report setup --undo"));
    }
}

/// The timer and the cron line run the installed program, and settings stay.
#[test]
fn install_metrics() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("usr/local")).unwrap();
    fs::create_dir_all(root.path().join("etc/conf.d")).unwrap();
    fs::create_dir_all(root.path().join("etc/cron.d")).unwrap();
    let before = tree(root.path());
    let variables = [
        format!("DESTDIR={}", root.path().display()),
        "PREFIX=/usr/local".to_string(),
    ];
    make("install-metrics", &variables);
    let installed = tree(root.path());
    let files = installed.difference(&before);
    let files: Vec<_> = files
        .filter(|(path, _)| root.path().join(path).is_file())
        .collect();
    assert!(files.iter().all(|(_, mode)| *mode == 0o644), "{files:?}");
    let files = files.iter().map(|(path, _)| path.to_str().unwrap());
    let expected = [
        "etc/conf.d/sccache-report-metrics",
        "etc/cron.d/sccache-report-metrics",
        "usr/local/lib/systemd/system/sccache-report-metrics.service",
        "usr/local/lib/systemd/system/sccache-report-metrics.timer",
        "usr/local/share/sccache-report/alerts.yml",
        "usr/local/share/sccache-report/dashboard.json",
    ];
    assert_eq!(files.collect::<Vec<_>>(), expected);
    let [settings, cron, service, ..] = expected.map(|file| root.path().join(file));
    for file in [&cron, &service] {
        let text = fs::read_to_string(file).unwrap();
        assert!(
            text.contains("/usr/local/bin/sccache-report metrics "),
            "{text}"
        );
        assert!(!text.contains("/usr/bin/sccache-report"), "{text}");
    }
    fs::write(&settings, "TEXTFILE_DIRECTORY=/elsewhere").unwrap();
    make("install-metrics", &variables);
    let kept = fs::read_to_string(&settings).unwrap();
    assert_eq!(kept, "TEXTFILE_DIRECTORY=/elsewhere");
    // Another installation may have them.
    make("uninstall", &variables);
    assert!(service.exists());
    make("uninstall-metrics", &variables);
    make("uninstall", &variables);
    assert!(settings.exists(), "it was changed");
    fs::remove_file(&settings).unwrap();
    make("install-metrics", &variables);
    make("uninstall-metrics", &variables);
    make("uninstall", &variables);
    assert_eq!(tree(root.path()), before);
}

#[test]
fn generate_reports_a_folder_that_it_cannot_write() {
    for program in [
        env!("CARGO_BIN_EXE_sccache-report"),
        env!("CARGO_BIN_EXE_sccache-collect"),
    ] {
        let output = Command::new(program)
            .args(["--generate", "/nonexistent"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("can't write to /nonexistent"));
    }
}

/// The man page of the settings names the variables that the hook and the programs read.
#[test]
fn every_setting_is_in_its_page() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(project.join("man/sccache-report.5")).unwrap();
    let sources = Command::new("grep")
        .args([
            "-rhoE",
            "SCCACHE_REPORT_[A-Z]+|SCCACHE_((SERVER|IDLE|ERROR)_[A-Z]+|LOG)=",
            "hooks",
            "src",
        ])
        .current_dir(project)
        .output()
        .unwrap();
    let names: BTreeSet<&str> = std::str::from_utf8(&sources.stdout)
        .unwrap()
        .lines()
        .map(|name| name.trim_end_matches('='))
        .collect();
    assert!(names.len() > 5, "{names:?}");
    for name in names {
        assert!(page.contains(name), "sccache-report.5 doesn't know {name}");
    }
}

/// mandoc finds no mistakes in the man pages.
#[test]
#[ignore = "needs mandoc"]
fn man_pages_have_no_mistakes() {
    let root = tempfile::tempdir().unwrap();
    make("install", &[format!("DESTDIR={}", root.path().display())]);
    for page in [
        "man1/sccache-report.1",
        "man1/sccache-report-trend.1",
        "man1/sccache-collect.1",
        "man5/sccache-report.5",
    ] {
        let page = root.path().join("usr/share/man").join(page);
        let lint = Command::new("mandoc")
            .args(["-T", "lint", "-W", "warning"])
            .arg(&page)
            .output()
            .unwrap();
        let found: Vec<String> = String::from_utf8(lint.stdout)
            .unwrap()
            .lines()
            // Pages have no date, so that builds are reproducible.
            .filter(|line| !line.contains("missing date") && !line.contains("cannot parse date"))
            .map(String::from)
            .collect();
        assert_eq!(found, Vec::<String>::new());
    }
}
