//! One plain sentence about what the cache did.

use super::text::{number, of};
use crate::store::Sums;

/// What a newcomer should take home. A low hit rate is nobody's fault: Rust packages
/// hit only where the same version is built again.
pub(super) fn verdict(sums: &Sums) -> String {
    let (Some(hits), Some(misses)) = (sums.hits, sums.misses) else {
        return "Nothing could be measured: `sccache-report builds` shows which builds, \
                `sccache-report show` why."
            .into();
    };
    let asked = hits.saturating_add(misses);
    let Some(rate) = sums.hit_rate() else {
        return "sccache ran, but was never asked for anything that it can cache.".into();
    };
    let share = format!("{} of {}", number(hits), of(asked, "compilation"));
    match rate {
        _ if hits == 0 => format!(
            "The cache was only filled: none of {} had been cached before.",
            of(asked, "compilation")
        ),
        r if r >= 0.5 => format!("The cache pays: it answered {share}."),
        r if r >= 0.1 => format!("The cache helps a little: it answered {share}."),
        _ => format!("The cache hardly helps: it answered {share}; new versions often start cold."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_its_sentence() {
        let said = |hits, misses| {
            verdict(&Sums {
                hits,
                misses,
                ..Sums::default()
            })
        };
        assert!(said(None, None).starts_with("Nothing could be measured"));
        assert!(said(Some(0), Some(0)).contains("never asked"));
        assert_eq!(
            said(Some(0), Some(1)),
            "The cache was only filled: none of 1 compilation had been cached before."
        );
        assert!(said(Some(1), Some(1)).starts_with("The cache pays: it answered 1 of 2"));
        assert!(said(Some(1), Some(9)).contains("helps a little"));
        assert!(said(Some(1), Some(99)).contains("hardly helps"));
    }
}
