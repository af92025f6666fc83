use super::*;

fn with(field: &str, value: &str) -> String {
    format!(
        r#"{{"stats":{{"cache_hits":{{"counts":{{"Rust":2,"C/C++":3}}}},"cache_misses":{{"counts":{{}}}},"cache_errors":{{"counts":{{}}}},"{field}":{value}}}}}"#
    )
}

#[test]
fn unknown_fields_are_kept_by_name_and_missing_ones_are_unknown() {
    let stats = parse_json(with("warp_factor", "9").as_bytes()).unwrap();
    assert_eq!(stats.unrecognized, ["stats.warp_factor"]);
    assert_eq!(stats.requests, None);
    assert_eq!((stats.hits.total, stats.misses.total), (5, 0));
    let top = with("x", "null").replace("null}}", r#"null},"colour":{}}"#);
    assert_eq!(parse_json(top.as_bytes()).unwrap().unrecognized, ["colour"]);
}

#[test]
fn durations_are_seconds() {
    let json = with("cache_read_hit_duration", r#"{"secs":1,"nanos":500000000}"#);
    let stats = parse_json(json.as_bytes()).unwrap();
    assert_eq!(stats.read_hit_seconds, Some(1.5));
}

#[test]
fn impossible_values_are_errors_that_name_the_field() {
    for (field, value) in [
        ("compile_requests", "-1"),
        ("compile_requests", "1.5"),
        ("compile_requests", "99999999999999999999999"),
        ("compile_requests", "9007199254740993"),
        ("compile_requests", "\"12\""),
        ("cache_write_duration", r#"{"secs":1,"nanos":1000000000}"#),
        ("cache_write_duration", r#"{"secs":-1,"nanos":0}"#),
        ("cache_write_duration", "7"),
        ("not_cached", r#"{"crate-type":-3}"#),
        ("not_cached", "[]"),
    ] {
        let error = parse_json(with(field, value).as_bytes()).unwrap_err();
        assert!(
            error.to_string().contains(field),
            "{field} {value}: {error}"
        );
    }
}

#[test]
fn sums_do_not_overflow() {
    let json = with("x", "1").replace(
        "\"Rust\":2,\"C/C++\":3",
        "\"a\":9007199254740992,\"b\":9007199254740992",
    );
    assert!(parse_json(json.as_bytes()).is_err());
}

#[test]
fn what_is_no_statistics_is_an_error() {
    let deep = "[".repeat(100_000);
    for bad in [
        "",
        "NaN",
        "{}",
        "[]",
        "{\"stats\":{}}",
        "{\"stats\":3}",
        "\u{0}",
        deep.as_str(),
    ] {
        assert!(parse_json(bad.as_bytes()).is_err(), "{bad:.20}");
    }
    assert!(parse_json(b"\xff\xfe").is_err());
}

#[test]
fn a_size_out_of_bounds_loses_nothing_else() {
    let json =
        with("x", "null").replace("null}}", r#"null},"max_cache_size":18446744073709551615}"#);
    let stats = parse_json(json.as_bytes()).unwrap();
    assert_eq!((stats.max_cache_size, stats.hits.total), (None, 5));
    assert_eq!(stats.unrecognized, ["max_cache_size"]);
}

#[test]
fn levels_of_a_multi_level_cache() {
    let json = with(
        "multi_level",
        r#"[{"name":"L0 (disk)","location":"here","hits":1,"misses":2,"writes":3,"write_failures":0,"backfills_from":0,"backfills_to":4,"hit_duration":{"secs":1,"nanos":0},"write_duration":{"secs":0,"nanos":0},"new":1}]"#,
    );
    let stats = parse_json(json.as_bytes()).unwrap();
    assert_eq!(stats.levels.len(), 1);
    assert_eq!(stats.levels[0].name, "L0 (disk)");
    assert_eq!(stats.levels[0].hit_seconds, Some(1.0));
    assert_eq!(stats.unrecognized, ["stats.multi_level.new"]);
}
