//! `--columns` and `--limit` are the same in every format.

use crate::support::*;

#[test]
fn columns_can_be_selected() {
    let (_folder, db) = folder();
    record(&db, &sample());
    for (args, header, rows) in [
        (
            &[
                "packages",
                "--columns",
                "package,failed,interrupted,incomplete,shared",
            ][..],
            "package,failed,interrupted,incomplete,shared",
            &[
                "app-portage/emlop,0,0,0,0",
                "dev-libs/quazip,1,0,0,0",
                "dev-util/ccls,0,0,1,0",
                "sys-apps/fd,0,1,1,0",
                "sys-apps/ripgrep,0,0,0,1",
            ][..],
        ),
        (
            &[
                "trend",
                "--by",
                "day",
                "--columns",
                "period,failed,interrupted,incomplete,shared",
            ],
            "period,failed,interrupted,incomplete,shared",
            &[
                "2026-11-01,0,0,0,0",
                "2026-11-20,1,0,1,0",
                "2026-11-21,0,1,1,1",
            ],
        ),
        (
            &[
                "emerges",
                "--columns",
                "builds,failed,interrupted,incomplete,shared",
            ],
            "builds,failed,interrupted,incomplete,shared",
            &["1,0,0,0,0", "3,1,0,1,0"],
        ),
        (
            &["builds", "--columns", "package,unmeasured_phases,hits"],
            "package,unmeasured_phases,hits",
            &[
                "app-portage/emlop,0,0",
                "app-portage/emlop,0,63",
                "dev-libs/quazip,0,5",
                "dev-util/ccls,1,1",
                "sys-apps/fd,1,",
                "sys-apps/ripgrep,0,3",
            ],
        ),
    ] {
        let text = out(&run(&db, &[args, &["--format", "csv"]].concat()));
        assert_eq!(text, format!("{header}\n{}\n", rows.join("\n")), "{args:?}");
        let names: Vec<&str> = header.split(',').collect();
        for row in json(&db, args) {
            assert_eq!(keys(&row), names, "{args:?}");
        }
        let table = out(&run(&db, args));
        let heading = names.join(" ").replace('_', " ");
        let first = table.lines().next().unwrap().split_whitespace();
        assert_eq!(first.collect::<Vec<_>>().join(" "), heading, "{args:?}");
    }
    let sorted = json(&db, &["packages", "--sort", "shared", "--limit", "1"]);
    assert_eq!(sorted[0]["package"], "sys-apps/ripgrep");
    let wrong = run(&db, &["packages", "--columns", "faild"]);
    assert!(
        err(&wrong).contains("did you mean failed?"),
        "{}",
        err(&wrong)
    );
}

#[test]
fn a_limit_keeps_the_newest_rows_unless_they_are_sorted() {
    let (_folder, db) = folder();
    record(&db, &sample());
    for (args, name, expected) in [
        (&["builds", "--limit", "2"][..], "version", "10.2.0 14.1.1"),
        (
            &["builds", "--limit", "9"],
            "version",
            "0.9.0 0.9.0 1.4 0.20240202-r1 10.2.0 14.1.1",
        ),
        (
            &["builds", "--limit", "2", "--sort", "started_at"],
            "version",
            "0.9.0 0.9.0",
        ),
        (
            &["emerges", "--limit", "1"],
            "command",
            "emerge --update --deep @world",
        ),
        (
            &["trend", "--by", "day", "--limit", "2"],
            "period",
            "2026-11-20 2026-11-21",
        ),
        (
            &["trend", "--by", "day", "--limit", "1", "--sort", "hits"],
            "period",
            "2026-11-20",
        ),
        (
            &["packages", "--limit", "1"],
            "package",
            "app-portage/emlop",
        ),
    ] {
        let rows = json(&db, args);
        let of: Vec<&str> = rows.iter().map(|row| row[name].as_str().unwrap()).collect();
        assert_eq!(of.join(" "), expected, "{args:?}");
        let csv = out(&run(
            &db,
            &[args, &["--format", "csv", "--columns", name]].concat(),
        ));
        assert_eq!(csv.lines().skip(1).collect::<Vec<_>>(), of, "{args:?}");
    }
    let table = out(&run(&db, &["trend", "--by", "month", "--limit", "1"]));
    assert!(table.contains("2026-11"), "{table}");
}

#[test]
fn columns_are_the_same_in_every_format() {
    let (_folder, db) = folder();
    record(&db, &sample());
    let args = [
        "packages",
        "--columns",
        "hit_rate,package",
        "--sort",
        "misses",
        "--limit",
        "1",
    ];
    let rows = json(&db, &args);
    assert_eq!(
        (rows.len(), keys(&rows[0])),
        (1, vec!["hit_rate", "package"])
    );
    for (format, expected) in [
        (
            "csv",
            "hit_rate,package\n0.5206611570247934,app-portage/emlop\n",
        ),
        (
            "tsv",
            "hit_rate\tpackage\n0.5206611570247934\tapp-portage/emlop\n",
        ),
        ("table", "hit rate  package\n  52.1 %  app-portage/emlop\n"),
    ] {
        let output = run(&db, &[&args[..], &["--format", format]].concat());
        assert_eq!(out(&output), expected);
    }
    let nested = json(
        &db,
        &["builds", "emlop", "--columns", "id,phases", "--last", "1"],
    );
    assert_eq!(nested[0]["phases"]["test"]["hits"], 10);
    let nobody = run(
        &db,
        &["packages", "nope", "--format", "csv", "--columns", "builds"],
    );
    assert_eq!(
        (out(&nobody).as_str(), nobody.status.code()),
        ("builds\n", Some(1))
    );
}
