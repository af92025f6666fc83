//! Why sccache could not cache a call, in plain words.
//!
//! The reasons are those of `cannot_cache!` and of the arguments marked `TooHard` in sccache's
//! `src/compiler/{rust,gcc,clang,msvc,nvcc,diab}.rs`, 0.2.15 ... 0.19.0; from 0.19 on `crate-type` has what was
//! to be made in brackets (`record_not_cacheable` in `src/server.rs`).

/// What a reason means to somebody who doesn't know sccache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What the call did that can't be cached.
    pub meaning: &'static str,
    /// What can be done about it.
    pub cure: Cure,
}

/// What can be done about calls that can't be cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cure {
    /// Nothing, and nothing is wrong: every build has such calls.
    Normal,
    /// Something that is for the user to weigh.
    Choice(&'static str),
    /// This variable with this value, in the build's environment.
    Variable(&'static str, &'static str),
}

/// The reason in plain words, whatever version of sccache gave it.
pub fn explain(reason: &str) -> Reason {
    let word = reason.split(" (").next().unwrap_or(reason);
    let (meaning, cure) = match word {
        "incremental" => (
            "cargo compiles incrementally, which sccache leaves to rustc",
            Cure::Variable("CARGO_INCREMENTAL", "0"),
        ),
        _ if profile(word) => (
            "the compiler uses or makes a profile (profile-guided optimization)",
            Cure::Choice(
                "faster code or a cache: USE=\"-pgo\", where the package has it, makes it cacheable",
            ),
        ),
        _ => plain(word, reason),
    };
    Reason { meaning, cure }
}

fn profile(word: &str) -> bool {
    [
        "-fprofile",
        "-fno-profile",
        "-fmemory-profile",
        "-fcodegen-data",
    ]
    .iter()
    .any(|start| word.starts_with(start))
}

fn plain(word: &str, reason: &str) -> (&'static str, Cure) {
    let meaning = match word {
        "crate-type" => crate_type(reason),
        "-" => {
            "the source comes from a pipe, not a file: a build script or configure tries something"
        }
        "missing input" => "rustc was called without a source file: something asks what it can do",
        "missing output_dir" | "missing emit" | "missing crate_name" | "-o" | "extra-filename" => {
            "rustc was called by hand or by a configure test, not as cargo calls it"
        }
        "-E" | "-P" => "only preprocessed, as configure tests do: nothing is compiled",
        "-M" | "-MM" | "-MJ" | "-dependency-dot" => {
            "only lists what a source depends on: nothing is compiled"
        }
        "-fsyntax-only" => "only checks the source, as configure tests do: nothing is compiled",
        "--analyze" | "--analyzer-output" => "static analysis: nothing is compiled",
        "-save-temps" | "--save-temps" | "-save-stats" | "--save-stats" => {
            return (
                "the compiler keeps files that sccache can't bring back",
                Cure::Choice("take -save-temps out of CFLAGS and CXXFLAGS, if it is yours"),
            );
        }
        _ if word.starts_with("-save-temps=") || word.starts_with("--save-temps=") => {
            return plain("-save-temps", reason);
        }
        "-fstack-usage"
        | "-fcallgraph-info"
        | "-ftime-trace"
        | "-fsave-optimization-record"
        | "-foptimization-record-file" => {
            return (
                "the compiler writes a report that sccache can't bring back",
                Cure::Choice("take that flag out of CFLAGS and CXXFLAGS, if it is yours"),
            );
        }
        "multiple input files" => "one call compiles several files, of which sccache caches none",
        "no input file" => "the compiler was called without a source file",
        "unknown source language" | "-x" => {
            "a language that sccache doesn't cache, such as assembler"
        }
        _ if word.starts_with("-x ") => "C++ modules, in a way that sccache can't cache",
        _ if word.contains("modules") || word.contains("module-") => {
            "C++ modules, which sccache doesn't cache"
        }
        "-fplugin" | "-fplugin=libcc1plugin" => {
            "a compiler plugin may do anything, so nothing is cached"
        }
        "-frepo" => "a kind of C++ templates that sccache doesn't cache",
        "-index-store-path" => "the compiler also writes an index for editors",
        "@" | "-@" => "arguments come from a file that sccache can't read",
        "more than one --emit" | "unsupported --emit" => {
            "rustc is to write more than code, such as assembler or LLVM's own"
        }
        "--sysroot" => "rustc with a standard library of its own, as when Rust builds itself",
        "target" | "target unsure" => "rustc compiles for a machine described in a file",
        "--remap-path-prefix" => {
            return (
                "rustc renames paths, which sccache before 0.8 can't cache",
                Cure::Choice("use a newer sccache"),
            );
        }
        "multiple -arch" | "multiple different -arch" => "one call compiles for several machines",
        _ if word.starts_with("multiple different -arch") => {
            "one call compiles for several machines"
        }
        "argument parse" => "arguments that sccache doesn't understand",
        _ if word.starts_with("Can't ") => "arguments that sccache doesn't understand",
        _ if word.starts_with('-') => "a flag with which sccache caches nothing",
        _ => "sccache's own word; it means nothing to this version of sccache-report",
    };
    (meaning, Cure::Normal)
}

/// sccache caches what is only compiled; what the linker makes depends on more than sccache knows.
fn crate_type(reason: &str) -> &'static str {
    match reason.split_once(" (").map(|(_, made)| made) {
        Some(made) if made.starts_with("bin") => {
            "a program or build script is linked, and sccache caches no links"
        }
        Some(made) if made.starts_with("proc-macro") => {
            "a macro for the compiler is linked, and sccache caches no links"
        }
        Some(_) => "a shared library is linked, and sccache caches no links",
        None => "a program, shared library or macro is linked, and sccache caches no links",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_of_every_release_is_known() {
        // What `cannot_cache!` and TooHard arguments say in 0.2.15, 0.8.2 and 0.19.0, those of Windows left out.
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
            assert!(!meaning.contains("own word"), "{reason}");
            assert!(!meaning.contains("a flag with which"), "{reason}");
        }
        assert!(explain("--time").meaning.contains("a flag with which"));
        assert!(explain("prophecy").meaning.contains("own word"));
    }

    #[test]
    fn what_can_be_changed_is_apart_from_what_is_normal() {
        assert_eq!(
            explain("incremental").cure,
            Cure::Variable("CARGO_INCREMENTAL", "0")
        );
        assert_eq!(explain("crate-type (bin)").cure, Cure::Normal);
        assert!(matches!(explain("-fprofile-use").cure, Cure::Choice(_)));
        assert_ne!(
            explain("crate-type (bin)").meaning,
            explain("crate-type").meaning
        );
    }
}
