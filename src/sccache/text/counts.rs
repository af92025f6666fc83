//! Counts that are divided by language or by compiler.

use crate::sccache::error::ParseError;
use crate::sccache::stats::Counts;
use crate::sccache::units;

/// `Cache hits    4`, `Cache hits (Rust)    1`, `Cache hits (c [gcc])   2`.
pub(super) fn per_language(
    counts: &mut Option<Counts>,
    c: &regex::Captures,
) -> Result<(), ParseError> {
    let count = units::count(&c["value"]).filter(|_| c.name("unit").is_none());
    let count = count.ok_or_else(|| ParseError::bad_value(&c["name"], &c["value"]))?;
    match c.name("of").map(|of| of.as_str()) {
        None => counts.get_or_insert_default().total = count,
        Some(of) => {
            // Only the line without a name carries the total, and it comes first.
            let Some(counts) = counts else {
                return Ok(());
            };
            let map = match is_language(of) {
                true => &mut counts.languages,
                false => &mut counts.compilers,
            };
            map.insert(of.to_owned(), count);
        }
    }
    Ok(())
}

/// Whether a name in parentheses is a language (`CompilerKind::lang_kind` in sccache's
/// `src/compiler/compiler.rs`: `Rust`, `C/C++`, `CUDA`, `CUDA (Device code)`, `PTX`,
/// `CUBIN`, `HIP`, `Assembler`) or a language with its compiler (`lang_comp_kind`: `rust`,
/// `c [gcc]`, `c++Header [clang]`, `cuda [cudafe++]`). The former begin with a capital,
/// the latter never do, in every version from 0.2.15 to 0.19.0.
fn is_language(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
}
