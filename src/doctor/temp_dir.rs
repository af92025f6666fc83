//! The length of `${T}`: sccache starts its server through a socket in it.

use super::{Context, Finding, State, quoted};

const CHECK: &str = "temp-dir";

/// The longest `${T}`, in bytes: with `/sccacheXXXXXX/sock` it is 107, the longest path of a socket.
const LIMIT: usize = 88;

/// The length that is assumed for `CATEGORY/PF`; most are shorter.
const USUAL_NAME: usize = 40;

pub(super) fn check(context: &Context) -> Finding {
    let settings = &context.machine.settings;
    let default = settings.below("var/tmp").to_string_lossy().into_owned();
    let tmp = settings.get("PORTAGE_TMPDIR").unwrap_or(&default);
    let tmp = tmp.trim_end_matches('/');
    let usual = tmp.len() + "/portage/".len() + USUAL_NAME + "/temp".len();
    let seen = [&context.in_effect.record, &context.last_merge];
    let seen = seen.into_iter().flatten();
    let too_long = seen.filter(|record| record.time >= context.files.settings_changed_at);
    let too_long = too_long.filter_map(|record| Some((record, record.t_length?)));
    if let Some((record, length)) = too_long.max_by_key(|(_, length)| *length)
        && length > LIMIT
    {
        let package = quoted(&record.package);
        let message = format!(
            "${{T}} of {package} had {length} bytes, and sccache can't start its server with more \
             than {LIMIT}: choose a shorter PORTAGE_TMPDIR than {tmp}"
        );
        return Finding::new(CHECK, State::Red, message);
    }
    let message = format!(
        "${{T}} has about {usual} bytes below PORTAGE_TMPDIR={tmp}; sccache allows {LIMIT}"
    );
    if usual > LIMIT {
        let message = format!("{message}, and fails with more: choose a shorter PORTAGE_TMPDIR");
        return Finding::new(CHECK, State::Red, message);
    }
    Finding::new(CHECK, State::Green, message)
}
