use super::*;

fn parse(arguments: &[&str], version: &str) -> Arguments {
    let work = format!("/var/tmp/portage/dev-test/x-{version}/work");
    let directories = [format!("{work}/x-{version}"), work];
    let stable = "/var/tmp/portage/sccache-report/dev-test/x";
    let arguments: Vec<String> = arguments
        .iter()
        .map(|argument| {
            argument
                .replace("@S", &directories[0])
                .replace("@W", &directories[1])
                .replace("@P", &format!("{stable}/0"))
        })
        .collect();
    let text = format!("{arguments:?}");
    let directories = BuildDirectories::new(directories).with_stable_paths(stable, true);
    Arguments::parse(&text[1..text.len() - 1], &directories)
}

#[test]
fn the_build_directory_makes_no_difference() {
    for arguments in [
        &["-I@S/include", "-o", "@S/build/a.o", "-c", "@S/a.c"][..],
        &[
            "--crate-name",
            "a",
            "@S/lib.rs",
            "--remap-path-prefix=@W=/x",
            "-C",
            "opt-level=3",
        ],
    ] {
        let [old, new] = ["1.0", "1.1-r1"].map(|version| parse(arguments, version));
        assert_eq!(old.directory_in_key, DirectoryInKey::Always);
        assert_eq!(old, new);
    }
    assert_ne!(
        parse(&["-I@W2"], "1.0").flags,
        parse(&["-I@W2"], "1.1").flags
    );
}

#[test]
fn some_arguments_bring_the_build_directory_into_the_key() {
    use DirectoryInKey::*;
    for (arguments, expected) in [
        (
            &["-O2", "-c", "a.c", "-o", "a.o", "-MF", "@S/a.d"][..],
            Never,
        ),
        (&["-c", "a.c", "-o", "@S/a.o"], Maybe),
        (&["-c", "@S/a.c", "-o", "a.o"], Always),
        (&["-g", "-c", "@S/a.c"], Always),
        (&["-c", "../x-1.0/a.c"], Maybe),
        (&["-ffile-prefix-map=@W=/x", "-c", "a.c"], Always),
        (&["-D", "DIR=@S", "-c", "a.c"], Always),
        (&["-I@S/include", "-c", "a.c"], Maybe),
        (&["-isystem", "@S/include", "-c", "a.c"], Maybe),
        (&["-Iinclude", "-c", "a.c"], Never),
        (&["-ggdb3", "-c", "a.c"], Maybe),
        (&["-g0", "-c", "a.c"], Never),
        (&["--crate-name", "a", "src/lib.rs"], Always),
        (
            &["--crate-name", "a", "src/lib.rs", "--out-dir", "@P/target"],
            Always,
        ),
        (
            &["--crate-name", "a", "@W/a/lib.rs", "--cap-lints", "allow"],
            AvoidedByStablePaths,
        ),
        (&["--crate-name", "a", "@P/vendor/a/lib.rs"], AtStablePaths),
        (
            &[
                "--crate-name=a",
                "src/probe.rs",
                "--cap-lints=allow",
                "--out-dir=@P/target/out",
            ],
            AtStablePaths,
        ),
    ] {
        let found = parse(arguments, "1.0").directory_in_key;
        assert_eq!(found, expected, "{arguments:?}");
    }
}

/// RUSTFLAGS can have --cap-lints, which cargo passes for the crates of a registry only.
#[test]
fn a_crate_of_the_workspace_is_never_one_of_a_registry() {
    let found = |source, out_dir| {
        let arguments = ["--crate-name", "a", source, "--cap-lints=warn"];
        let arguments = [&arguments[..], &["--out-dir", out_dir]].concat();
        parse(&arguments, "1.0").directory_in_key
    };
    let (deps, build) = (
        "@S/target/release/deps",
        "@S/target/release/build/a-0123456789abcdef",
    );
    assert_eq!(found("src/lib.rs", deps), DirectoryInKey::Always);
    assert_eq!(found("build.rs", build), DirectoryInKey::Always);
    let registry = DirectoryInKey::AvoidedByStablePaths;
    assert_eq!(found("@W/cargo_home/a/src/lib.rs", deps), registry);
    let probe = format!("{build}/out/probe");
    assert_eq!(found("src/probe.rs", &probe), registry);
}

#[test]
fn flags_make_a_difference() {
    let flags = |arguments: &[&str]| parse(arguments, "1.0").flags.unwrap();
    let c = flags(&["-O2", "-c", "a.c", "-o", "a.o", "-MF", "a.d"]);
    assert_eq!(
        c,
        flags(&["-O2", "-c", "src/a.c", "-o", "b/a.o", "-MFb/a.d"])
    );
    assert_ne!(c, flags(&["-O3", "-c", "a.c", "-o", "a.o", "-MF", "a.d"]));
    assert_ne!(c, flags(&["-O2", "-DX=1", "-c", "a.c", "-o", "a.o"]));
    assert_ne!(flags(&["-D", "a.c"]), flags(&["-D", "b.c"]));
    let rust = |rest: &[&str]| flags(&[&["--crate-name=a", "src/lib.rs"][..], rest].concat());
    assert_eq!(
        rust(&["-C", "opt-level=3"]),
        rust(&["-Copt-level=3", "--extern", "b=/b"])
    );
    assert_eq!(
        rust(&[]),
        rust(&["-L", "dependency=/x", "--diagnostic-width=80"])
    );
    assert_ne!(rust(&[]), rust(&["--cfg", "feature=\"std\""]));
    assert_eq!(parse(&["@args.rsp", "-c", "a.c"], "1.0").flags, None);
}

#[test]
fn a_unit_has_no_hashes_of_cargo() {
    let output = |path: &str| parse(&["-o", path, "-c", "a.c"], "1.0").output.unwrap();
    assert_eq!(
        &*output("@S/target/release/build/zstd-sys-0123456789abcdef/out/fedcba9876543210-a.o"),
        "target/release/build/zstd-sys/out/a.o"
    );
    assert_eq!(&*output("@P/target/a.o"), "target/a.o");
    assert_eq!(&*output("./deadbeef-a.o"), "deadbeef-a.o");
    assert_eq!(&*output("@W/build/a \"b\".o"), "build/a \"b\".o");
    assert_eq!(output(&"é".repeat(300)).len(), MAX_UNIT);
    let metadata = |text| parse(&["--crate-name", "a", "-C", text], "1.0").metadata;
    assert_eq!(
        metadata("metadata=b05e6d8c9579904d"),
        Some(0xb05e_6d8c_9579_904d)
    );
    assert_eq!(metadata("metadata=x"), None);
}

#[test]
fn languages_are_those_of_the_statistics() {
    use Language::*;
    for (arguments, language) in [
        (&["-c", "a.c"][..], Some(CFamily)),
        (&["-c", "a.cxx"], Some(CFamily)),
        (&["-include", "a.c", "-c", "b.S"], Some(Assembler)),
        (&["-x", "assembler-with-cpp", "-c", "a.c"], Some(Assembler)),
        (&["-x", "c++-header", "a.h"], Some(CFamily)),
        (&["-c", "a.cu"], Some(Cuda)),
        (&["--crate-name", "a", "-"], Some(Rust)),
        (&["-c", "a.zz"], None),
        (&[], None),
    ] {
        assert_eq!(parse(arguments, "1.0").language, language, "{arguments:?}");
    }
}

#[test]
fn damaged_lists_have_no_arguments() {
    for text in ["", "\"", "\"\\", "\"a", "a, b", "\"\\\""] {
        assert_eq!(Arguments::list(text).count(), 0, "{text}");
    }
    let odd = "\"a \\\" b\", \"c\\\\\", \"\"";
    assert_eq!(
        Arguments::list(odd).collect::<Vec<_>>(),
        ["a \\\" b", "c\\\\", ""]
    );
}
