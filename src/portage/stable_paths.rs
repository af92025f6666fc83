//! Whether a phase built a package's crates at paths without its version (`SCCACHE_REPORT_STABLE_PATHS`).

use serde::{Deserialize, Serialize};

codes! {
    /// Whether a phase used stable paths, or why it kept its own.
    pub enum StablePaths {
        /// Of the crates and the target directory.
        InUse "in_use" "stable paths are in use",
        /// Of the crates only: in src_test, or the build chose a target directory, or there isn't exactly one
        /// workspace.
        CratesOnly "crates_only" "stable paths are in use, except for the target directory",
        /// A build of another version in the same slot had them.
        OtherBuild "other_build" "another version is being built",
        /// The ebuild has a configuration where the hook's would be.
        OwnConfig "own_config" "WORKDIR has a .cargo of its own",
        /// sccache's keys contain the value of CARGO_TARGET_DIR.
        OwnTarget "own_target" "CARGO_TARGET_DIR contains the version",
        /// The configuration in CARGO_HOME isn't like that of cargo.eclass.
        UnknownCrates "unknown_crates" "CARGO_HOME doesn't have exactly one directory of crates in WORKDIR",
        /// Compilers of a server outside the build can outlive a killed build.
        SharedServer "shared_server" "the sccache server is shared",
        /// Debuggers find the sources of `FEATURES=installsources` below WORKDIR only.
        InstallSources "installsources" "FEATURES contains installsources",
        /// `FEATURES=noauto` runs phases in an outer shell.
        NoAuto "noauto" "FEATURES contains noauto",
        /// The directory of links can't be created or locked.
        Unavailable "unavailable" "their directory is not available",
        /// Any other reason, and the codes of newer versions.
        Other "other" "unknown reason",
    }
}

impl StablePaths {
    /// Whether at least the crates had stable paths.
    pub fn is_in_use(self) -> bool {
        matches!(self, Self::InUse | Self::CratesOnly)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_survive_json() {
        for state in StablePaths::ALL {
            let json = serde_json::to_string(state).unwrap();
            assert_eq!(json, format!("\"{}\"", state.code()));
            assert_eq!(serde_json::from_str::<StablePaths>(&json).unwrap(), *state);
        }
        let newer: StablePaths = serde_json::from_str("\"of_next_year\"").unwrap();
        assert_eq!(newer, StablePaths::Other);
    }
}
