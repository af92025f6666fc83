//! The dashboard has data in each panel, and no field that Grafana doesn't know.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::scrape::generated;
use crate::servers::{Monitoring, PROJECT, encode};
use crate::support::*;

const SDK: &str = "grafana-foundation-sdk==1769699379!11.6.0";

fn path() -> String {
    format!("{PROJECT}/packaging/grafana/sccache-report.json")
}

fn dashboard() -> Value {
    serde_json::from_str(&fs::read_to_string(path()).unwrap()).unwrap()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a Vec<Value> {
    value[name].as_array().unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

/// Fills in the variables as Grafana does when all values are selected.
fn fill(expression: &str, dashboard: &Value) -> String {
    let mut filled = expression.to_string();
    for variable in list(&dashboard["templating"], "list") {
        if let Some(all) = variable["allValue"].as_str() {
            filled = filled.replace(&format!("${}", text(variable, "name")), all);
        }
    }
    assert!(!filled.contains('$'), "{filled}");
    filled
}

#[test]
#[ignore = "needs Prometheus and node_exporter"]
fn every_expression_has_data() {
    let (_folder, db) = folder();
    generated(&db);
    let mut monitoring = Monitoring::start();
    monitoring.scrape(&db, &["--by", "package"]);
    let now = chrono::Utc::now().to_rfc3339();
    record(&db, &[build(1, "a/a", "1", &now, rust_stats(7, 5))]);
    monitoring.scrape(&db, &["--by", "package"]);
    let dashboard = dashboard();
    for panel in list(&dashboard, "panels") {
        for target in list(panel, "targets") {
            let expression = fill(text(target, "expr"), &dashboard);
            let instant = monitoring.query(&expression).into_values().collect();
            let range = monitoring.query_range(&expression);
            for values in [instant, range] {
                assert!(!values.is_empty(), "no data: {expression}");
                assert!(
                    values.iter().all(|value| value.is_finite()),
                    "{expression}: {values:?}"
                );
            }
        }
    }
    for variable in list(&dashboard["templating"], "list") {
        let Some(query) = variable["query"]["query"].as_str() else {
            continue;
        };
        let arguments = query
            .strip_prefix("label_values(")
            .unwrap()
            .strip_suffix(')')
            .unwrap();
        let (series, label) = arguments.rsplit_once(", ").unwrap();
        let series = encode(&fill(series, &dashboard));
        let values = monitoring.api(&format!("label/{label}/values?match[]={series}"));
        assert_eq!(values.as_array().unwrap().len(), 1, "{query}: {values}");
    }
}

/// The SDK reads only the fields that the schema of Grafana has, and writes them again.
#[test]
#[ignore = "needs Python packages from PyPI"]
fn the_schema_of_grafana_has_every_field() {
    let folder = tempfile::tempdir().unwrap();
    let python = folder.path().join("bin/python");
    let made = Command::new("python3")
        .args(["-m", "venv"])
        .arg(folder.path())
        .status();
    assert!(made.unwrap().success());
    let installed = Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", SDK])
        .output();
    let installed = installed.unwrap();
    assert!(installed.status.success(), "{}", err(&installed));
    let script = "import json, sys\n\
        from grafana_foundation_sdk.cog import encoder, plugins\n\
        from grafana_foundation_sdk.models.dashboard import Dashboard\n\
        plugins.register_default_plugins()\n\
        dashboard = Dashboard.from_json(json.load(open(sys.argv[1])))\n\
        print(encoder.JSONEncoder().encode(dashboard))";
    let read_and_write = |file: &str| -> Value {
        let output = Command::new(&python)
            .args(["-c", script, file])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", err(&output));
        serde_json::from_str(&out(&output)).unwrap()
    };
    assert_eq!(read_and_write(&path()), dashboard());

    // Misspelled fields are lost, wherever they are.
    let misspelled = folder.path().join("misspelled.json");
    for (field, wrong) in [
        ("\"legendFormat\"", "\"legend\""),
        ("\"unit\"", "\"units\""),
    ] {
        let changed = fs::read_to_string(path())
            .unwrap()
            .replacen(field, wrong, 1);
        fs::write(&misspelled, &changed).unwrap();
        let changed: Value = serde_json::from_str(&changed).unwrap();
        assert_ne!(
            read_and_write(misspelled.to_str().unwrap()),
            changed,
            "{field}"
        );
    }
}

#[test]
fn each_panel_has_what_people_need() {
    let dashboard = dashboard();
    let variables = list(&dashboard["templating"], "list");
    let names: Vec<&str> = variables.iter().map(|it| text(it, "name")).collect();
    assert_eq!(names, ["datasource", "job", "instance"]);
    assert_eq!(variables[0]["type"], "datasource");
    let metrics = {
        let (_folder, db) = folder();
        record(&db, &on_this_host(sample()));
        metrics(&db, &["--by", "package"])
    };
    let metrics: BTreeSet<&str> = metrics
        .keys()
        .map(|it| it.split('{').next().unwrap())
        .collect();
    let (mut ids, mut titles, mut cells) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for panel in list(&dashboard, "panels") {
        let title = text(panel, "title");
        assert!(!title.is_empty() && titles.insert(title), "{title}");
        assert!(ids.insert(panel["id"].as_u64()), "{title}");
        assert!(text(panel, "description").ends_with('.'), "{title}");
        assert!(
            !text(&panel["fieldConfig"]["defaults"], "unit").is_empty(),
            "{title}"
        );
        let place = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        for (x, y) in (0..place[2]).flat_map(|x| (0..place[3]).map(move |y| (x, y))) {
            let cell = (place[0] + x, place[1] + y);
            assert!(cell.0 < 24 && cells.insert(cell), "{title} overlaps");
        }
        for target in [panel].into_iter().chain(list(panel, "targets")) {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
        }
        for target in list(panel, "targets") {
            let expression = text(target, "expr");
            let used = expression.split("sccache_report_").skip(1);
            for rest in used {
                let (metric, labels) = rest.split_once('{').unwrap();
                assert!(metrics.contains(metric), "{title}: no metric {metric}");
                let selection = "job=~\"$job\",instance=~\"$instance\"";
                assert!(labels.starts_with(selection), "{title}: {expression}");
            }
        }
    }
}
