//! What somebody may have meant: errors that teach.

/// How much alike two names have to be, from 0 to 1. Below it, guesses puzzle more than they help.
const ALIKE: f64 = 0.8;

/// Those of the names that come closest to `wanted`, the best first.
pub(super) fn closest<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
    limit: usize,
) -> Vec<&'a str> {
    let wanted = wanted.to_lowercase();
    let mut alike: Vec<(f64, &str)> = names
        .into_iter()
        .map(|name| (likeness(&wanted, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .collect();
    alike.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    alike.truncate(limit);
    alike.into_iter().map(|(_, name)| name).collect()
}

/// A package is meant by its whole name, or by what stands after the slash.
fn likeness(wanted: &str, name: &str) -> f64 {
    let tail = name.split_once('/').map(|(_, tail)| tail);
    let tail = tail.filter(|_| !wanted.contains('/'));
    let name = tail.unwrap_or(name);
    let contains = wanted.len() >= 3 && name.contains(wanted);
    let likeness = strsim::jaro_winkler(wanted, name);
    if contains {
        likeness.max(0.9)
    } else {
        likeness
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_are_close() {
        let names = [
            "app-portage/emlop",
            "www-client/firefox",
            "sys-apps/ripgrep",
            "sys-apps/fd",
        ];
        for (wanted, expected) in [
            ("emlopp", &["app-portage/emlop"][..]),
            ("fire", &["www-client/firefox"]),
            ("rigrep", &["sys-apps/ripgrep"]),
            ("app-protage/emlop", &["app-portage/emlop"]),
            ("FIREFOX-bin", &["www-client/firefox"]),
            ("zzz", &[]),
            ("", &[]),
        ] {
            assert_eq!(closest(wanted, names, 3), expected, "{wanted}");
        }
        assert_eq!(closest("hitrate", ["hits", "hit_rate"], 1), ["hit_rate"]);
    }
}
