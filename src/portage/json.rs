//! JSON from places that anyone may write to.

/// A value from JSON that anyone may have written.
///
/// # Errors
/// Where it isn't that: says where, and not a word of what stands there.
pub fn from_json<'a, T: serde::Deserialize<'a>>(json: &'a [u8]) -> anyhow::Result<T> {
    serde_json::from_slice(json).map_err(syntax)
}

/// Where JSON is broken, without a word of it: the file may be anybody's, and what is said
/// goes to root's terminal and to the merge log.
pub(super) fn syntax(error: serde_json::Error) -> anyhow::Error {
    let what = match error.classify() {
        serde_json::error::Category::Data => "not the JSON of a build's numbers",
        serde_json::error::Category::Eof => "JSON that is cut off",
        _ => "not JSON",
    };
    anyhow::anyhow!("{what} (line {}, column {})", error.line(), error.column())
}
