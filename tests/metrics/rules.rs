//! promtool finds nothing in the metrics and the alert rules.

use std::fs;
use std::process::{Command, Stdio};

use crate::servers::{Monitoring, PROJECT, wait_until};
use crate::support::*;

/// Runs promtool in the folder of the rules, and returns what it printed.
fn promtool(args: &[&str], input: &str) -> String {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut child = Command::new("promtool")
        .args(args)
        .current_dir(format!("{PROJECT}/packaging/prometheus"))
        .stdin(Stdio::piped())
        .stdout(writer.try_clone().unwrap())
        .stderr(writer)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, input.as_bytes()).unwrap();
    drop(stdin);
    let mut printed = String::new();
    std::io::Read::read_to_string(&mut reader, &mut printed).unwrap();
    assert!(child.wait().unwrap().success(), "{args:?}: {printed}");
    printed
}

#[test]
#[ignore = "needs promtool"]
fn promtool_finds_nothing_in_the_metrics() {
    let (_folder, db) = folder();
    record(&db, &sample());
    for options in [&[][..], &["--by", "category"], &["--by", "package"]] {
        let text = out(&run(&db, &[&["metrics"], options].concat()));
        assert_eq!(promtool(&["check", "metrics"], &text), "", "{options:?}");
    }
}

#[test]
#[ignore = "needs promtool"]
fn each_alert_fires_when_it_should() {
    let found = promtool(&["check", "rules", "--lint=all", "alerts.yml"], "");
    assert!(found.contains("SUCCESS: 9 rules found"), "{found}");
    promtool(&["test", "rules", "alerts.test.yml"], "");

    let read = |name: &str| fs::read_to_string(format!("{PROJECT}/packaging/prometheus/{name}"));
    let (rules, tests) = (
        read("alerts.yml").unwrap(),
        read("alerts.test.yml").unwrap(),
    );
    let alerts: Vec<&str> = { rules.lines() }
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    assert_eq!(alerts.len(), 9);
    for alert in alerts {
        let fires = format!("alertname: {alert}\n        exp_alerts:\n          - ");
        assert!(tests.contains(&fires), "{alert} never fires");
        let silent = format!("alertname: {alert}, exp_alerts: []");
        assert!(tests.contains(&silent), "{alert} always fires");
    }
}

/// The rules of a running Prometheus have no errors on the metrics of a real database, and the command in the
/// documentation finds the folder.
#[test]
#[ignore = "needs Prometheus and node_exporter"]
fn a_prometheus_evaluates_the_rules() {
    let (_folder, db) = folder();
    record(&db, &sample());
    let mut monitoring = Monitoring::start();
    monitoring.scrape(&db, &["--by", "package"]);
    // An evaluation that began after the scrape.
    let group = || monitoring.api("rules")["groups"][0].clone();
    let evaluated_at = || group()["lastEvaluation"].as_str().unwrap().to_string();
    for _ in 0..2 {
        let last = evaluated_at();
        wait_until("evaluated", || evaluated_at() != last);
    }
    for rule in group()["rules"].as_array().unwrap() {
        assert_eq!(rule["health"], "ok", "{rule}");
        assert_eq!(rule["state"], "inactive", "{rule}");
    }

    let docs = fs::read_to_string(format!("{PROJECT}/docs/metrics.md")).unwrap();
    let command = docs.lines().find(|line| line.contains("pgrep")).unwrap();
    let process = "$(pgrep -o -f node.exporter)";
    assert!(command.contains(process), "{command}");
    let command = command.replace(process, &monitoring.exporter_id().to_string());
    let output = Command::new("sh").args(["-c", &command]).output().unwrap();
    let expected = format!(
        "--collector.textfile.directory={}\n",
        monitoring.textfile().display()
    );
    assert_eq!(out(&output), expected);
}

/// What the documentation adds to prometheus.yml can be pasted.
#[test]
#[ignore = "needs promtool"]
fn prometheus_accepts_the_settings_of_the_documentation() {
    let docs = fs::read_to_string(format!("{PROJECT}/docs/metrics.md")).unwrap();
    let lines = docs.lines().skip_while(|line| *line != "    rule_files:");
    let block: Vec<&str> = lines.map_while(|line| line.strip_prefix("    ")).collect();
    let settings = block.join("\n");
    let (installed, rules) = ("/usr/share/sccache-report/alerts.yml", "alerts.yml");
    assert!(settings.contains(installed), "{settings}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prometheus.yml");
    let here = format!("{PROJECT}/packaging/prometheus/{rules}");
    fs::write(&file, settings.replace(installed, &here)).unwrap();
    let found = promtool(&["check", "config", file.to_str().unwrap()], "");
    assert!(found.contains("SUCCESS: 9 rules found"), "{found}");
}

#[test]
#[ignore = "needs systemd-analyze"]
fn systemd_accepts_the_units() {
    let folder = tempfile::tempdir().unwrap();
    let mut units = Vec::new();
    let mut add = |name: String, text: &str| {
        let program = assert_cmd::cargo::cargo_bin!("sccache-report");
        let text = text.replace("/usr/bin/sccache-report", program.to_str().unwrap());
        units.push(folder.path().join(name));
        fs::write(units.last().unwrap(), text).unwrap();
    };
    for unit in ["service", "timer"] {
        let name = format!("sccache-report-metrics.{unit}");
        let text = fs::read_to_string(format!("{PROJECT}/packaging/prometheus/{name}")).unwrap();
        add(name, &text);
    }
    // Those of the HTML page are in its documentation.
    let documentation = fs::read_to_string(format!("{PROJECT}/docs/html.md")).unwrap();
    let shown: Vec<&str> = documentation.split("```ini\n").skip(1).collect();
    assert_eq!(shown.len(), 2);
    for (unit, text) in ["service", "timer"].into_iter().zip(shown) {
        let (text, _) = text.split_once("```").unwrap();
        add(format!("sccache-page.{unit}"), text);
    }
    let mut verify = Command::new("systemd-analyze");
    let output = verify
        .args(["verify", "--man=no"])
        .args(&units)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", err(&output));
    assert_eq!((out(&output), err(&output)), (String::new(), String::new()));
}
