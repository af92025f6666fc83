//! Explains why sccache could not cache a call.
//!
//! The reasons are those of `cannot_cache!` and of the arguments marked `TooHard` in sccache's
//! `src/compiler/{rust,gcc,clang,msvc,nvcc,diab}.rs`, 0.2.15 to 0.19.0. From 0.19 on, `crate-type`
//! has the crate's type in parentheses (`record_not_cacheable` in `src/server.rs`).

/// The meaning of a reason for somebody who doesn't know sccache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What the call did that can't be cached.
    pub meaning: &'static str,
    /// What to change.
    pub fix: Fix,
}

/// What to change so that calls can be cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fix {
    /// Nothing: every build has such calls.
    Nothing,
    /// An option for the user to weigh.
    Option(&'static str),
    /// A variable and its value in the build's environment.
    Variable(&'static str, &'static str),
}

/// Explains a reason of any version of sccache.
pub fn explain(reason: &str) -> Explanation {
    for (prefixes, meaning, fix) in FIXABLE {
        if prefixes.iter().any(|prefix| reason.starts_with(prefix)) {
            let (meaning, fix) = (*meaning, *fix);
            return Explanation { meaning, fix };
        }
    }
    Explanation {
        meaning: meaning(reason),
        fix: Fix::Nothing,
    }
}

/// The reasons that something can be done about: their beginnings, their meaning, and the fix.
const FIXABLE: &[(&[&str], &str, Fix)] = &[
    (
        &["incremental"],
        "cargo compiles incrementally, which sccache doesn't cache",
        Fix::Variable("CARGO_INCREMENTAL", "0"),
    ),
    (
        PROFILE,
        "the compiler uses or writes a profile (profile-guided optimization)",
        Fix::Option(
            "choose between faster code and the cache: USE=\"-pgo\", if the package supports it, makes the calls cacheable",
        ),
    ),
    (
        EXTRA_FILES,
        "the compiler writes additional files that sccache can't restore",
        Fix::Option("remove this flag from CFLAGS and CXXFLAGS, if you set it there"),
    ),
    (
        &["--remap-path-prefix"],
        "rustc changes paths, which sccache before 0.8 can't cache",
        Fix::Option("update sccache"),
    ),
];

/// Flags of profile-guided optimization.
const PROFILE: &[&str] = &[
    "-fprofile",
    "-fno-profile",
    "-fmemory-profile",
    "-fcodegen-data",
];

/// Flags with which the compiler writes more than the object file.
const EXTRA_FILES: &[&str] = &[
    "-save-temps",
    "--save-temps",
    "-save-stats",
    "--save-stats",
    "-fstack-usage",
    "-fcallgraph-info",
    "-ftime-trace",
    "-fsave-optimization-record",
    "-foptimization-record-file",
];

/// Returns the meaning of a reason that nothing can be done about.
fn meaning(reason: &str) -> &'static str {
    let (word, detail) = reason.split_once(" (").unwrap_or((reason, ""));
    match word {
        "crate-type" if detail.starts_with("bin") => {
            "a program or build script is linked, which sccache doesn't cache"
        }
        "crate-type" if detail.starts_with("proc-macro") => {
            "a procedural macro is linked, which sccache doesn't cache"
        }
        "crate-type" if !detail.is_empty() => {
            "a shared library is linked, which sccache doesn't cache"
        }
        "crate-type" => {
            "a program, shared library, or macro is linked, which sccache doesn't cache"
        }
        "-" => "the source comes from a pipe, as in build scripts and configure tests",
        "missing input" => "rustc was called without a source file, to query its features",
        "missing output_dir" | "missing emit" | "missing crate_name" | "-o" | "extra-filename" => {
            "rustc was called without cargo, for example by a configure test"
        }
        "-E" | "-P" | "-M" | "-MM" | "-MJ" | "-dependency-dot" => {
            "the source is only preprocessed, as in configure tests"
        }
        "-fsyntax-only" | "--analyze" | "--analyzer-output" => {
            "the source is only checked, not compiled"
        }
        "multiple input files" => "one call compiles several files",
        "no input file" => "the compiler was called without a source file",
        "unknown source language" | "-x" => {
            "sccache doesn't cache this language, for example assembler"
        }
        _ if word.starts_with("-x ") || word.contains("modules") || word.contains("module-") => {
            "sccache doesn't cache C++ modules"
        }
        _ if word.starts_with("-fplugin") => "a compiler plugin can have any side effect",
        "-frepo" => "sccache doesn't cache this kind of C++ template",
        "-index-store-path" => "the compiler also writes an index for editors",
        "@" | "-@" => "the arguments are in a file that sccache can't read",
        "more than one --emit" | "unsupported --emit" => {
            "rustc writes other output than a crate, for example assembler"
        }
        "--sysroot" => "rustc uses another standard library, as in the build of Rust itself",
        "target" | "target unsure" => "rustc compiles for a target that a file describes",
        _ if word.starts_with("multiple ") => "one call compiles for several machines",
        "argument parse" => "sccache doesn't understand the arguments",
        _ if word.starts_with("Can't ") => "sccache doesn't understand the arguments",
        _ if word.starts_with('-') => "sccache can't cache calls with this flag",
        _ => "this version of sccache-report doesn't know this reason",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_of_every_release_is_known() {
        // Of `cannot_cache!` and TooHard arguments in 0.2.15, 0.8.2, and 0.19.0, without those of Windows.
        let reasons = "incremental|crate-type|crate-type (bin)|crate-type (proc-macro)|crate-type (dylib)|\
            crate-type (bin,proc-macro)|-|missing input|missing output_dir|missing emit|missing crate_name|-o|\
            --sysroot|--remap-path-prefix|extra-filename|more than one --emit|unsupported --emit|target|\
            target unsure|multiple input files|no input file|unknown source language|argument parse|@|-x|\
            -x c++-module without -fmodule-output= or vice versa|multiple -arch|multiple different -arch|\
            multiple different -arch, and SCCACHE_CACHE_MULTIARCH not set|Can't be Argument::Raw/UnknownFlag|\
            Can't handle Raw arguments with -Xclang|-E|-M|-MM|-MJ|-P|-fsyntax-only|-save-temps|--save-temps=obj|\
            -fprofile-use|-fno-profile-generate|-fno-profile-instr-use|-fmodules|-fmodules-ts|-fcxx-modules|\
            -fprebuilt-implicit-modules|-fprebuilt-module-path|-fplugin|-fplugin=libcc1plugin|-frepo|\
            -index-store-path|-ftime-trace|-fstack-usage|-fcallgraph-info|--analyze";
        for reason in reasons.split('|') {
            let meaning = explain(reason).meaning;
            assert!(!meaning.contains("doesn't know this reason"), "{reason}");
            assert!(!meaning.contains("calls with this flag"), "{reason}");
        }
        assert!(explain("--time").meaning.contains("calls with this flag"));
        assert!(
            explain("prophecy")
                .meaning
                .contains("doesn't know this reason")
        );
    }

    #[test]
    fn some_reasons_have_a_fix() {
        assert_eq!(
            explain("incremental").fix,
            Fix::Variable("CARGO_INCREMENTAL", "0")
        );
        assert_eq!(explain("crate-type (bin)").fix, Fix::Nothing);
        assert!(matches!(explain("-fprofile-use").fix, Fix::Option(_)));
        assert_ne!(
            explain("crate-type (bin)").meaning,
            explain("crate-type").meaning
        );
    }
}
