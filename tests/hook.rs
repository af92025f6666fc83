//! The hook leaves the user's bashrc and the build as they are.

mod support;

use support::Root;

/// A user's own functions, trap and shell options, around the hook.
const BEFORE: &str = r#"
if [[ ${EBUILD_PHASE} == compile && -z ${MISC_FUNCTIONS_ARGS} ]]; then
	trap 'echo "@user@ trap status $? it'\''s mine"' EXIT
fi
pre_src_compile() { echo "@user@ pre"; }
post_src_compile() {
	echo "@user@ post $(sccache --show-stats --stats-format=json | grep -o '"compile_requests":[0-9]*')"
}
___user_options=$(set +o; shopt)
"#;
const AFTER: &str = r#"
[[ ${___user_options} == "$(set +o; shopt)" ]] || echo "@user@ options changed"
"#;

fn user_lines(log: &str) -> Vec<&str> {
    log.lines()
        .filter_map(|line| line.strip_prefix("@user@ "))
        .collect()
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn the_users_functions_traps_and_options_are_kept() {
    let root = Root::new();
    let hook = root.read("etc/portage/bashrc");
    std::fs::write(
        root.file("etc/portage/bashrc"),
        format!("{BEFORE}{hook}{AFTER}"),
    )
    .unwrap();
    let run = root.emerge(&["dev-test/many-files"]);
    let expected = [
        "pre",
        "post \"compile_requests\":26",
        "trap status 0 it's mine",
    ];
    assert_eq!(user_lines(&run.log), expected, "{}", run.log);
    // They are in the environment as they would be without the hook.
    let environment = root.environment("dev-test/many-files-1.0");
    assert!(environment.contains("post_src_compile ()") && environment.contains("@user@ post"));
    assert!(!environment.contains("sccache_report"), "{environment}");
    assert_eq!(root.builds(&[]).len(), 1);
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn a_trap_sees_the_status_of_a_failed_phase() {
    let root = Root::new();
    let hook = root.read("etc/portage/bashrc");
    let before = "[[ ${EBUILD_PHASE} != compile ]] || trap 'echo \"@user@ trap status $?\"' EXIT\n";
    std::fs::write(root.file("etc/portage/bashrc"), format!("{before}{hook}")).unwrap();
    root.ebuild(
        "dev-test/exits-1.0",
        "EAPI=8\nSLOT=0\nKEYWORDS=amd64\nS=${WORKDIR}\n\
         src_compile() { echo 'int i;' > i.c; sccache gcc -c i.c; exit 3; }",
    );
    let run = root.emerge_with(&[], &["dev-test/exits"]).failed();
    assert_eq!(user_lines(&run.log), ["trap status 3"], "{}", run.log);
    assert!(run.leftovers.is_empty(), "{:?}", run.leftovers);
}

/// A function that is defined after the hook takes post_src_compile away from it.
#[test]
#[ignore = "needs root and the registries: make test"]
fn functions_defined_after_the_hook_cost_nothing() {
    let root = Root::new();
    root.append(
        "etc/portage/bashrc",
        "post_src_compile() { echo '@user@ post'; }\npost_src_install() { :; }",
    );
    let run = root.emerge(&["dev-test/many-files"]);
    assert_eq!(user_lines(&run.log), ["post"]);
    assert_eq!(root.builds(&[])[0]["misses"], 25);
    let environment = root.environment("dev-test/many-files-1.0");
    assert!(
        !environment.contains("sccache_report") && !environment.contains("SCCACHE_SERVER"),
        "{environment}"
    );
}

/// The recipe that people used before: it stops the server in a function of its own.
#[test]
#[ignore = "needs root and the registries: make test"]
fn a_recipe_that_stops_the_server_takes_no_numbers_away() {
    let root = Root::new();
    let hook = root.read("etc/portage/bashrc");
    let before = "post_src_compile() { sccache --stop-server; }\n";
    std::fs::write(root.file("etc/portage/bashrc"), format!("{before}{hook}")).unwrap();
    root.emerge(&["dev-test/many-files"]);
    assert_eq!(root.builds(&[])[0]["misses"], 25);
}

#[test]
#[ignore = "needs root and the registries: make test"]
fn without_sccache_or_collector_nothing_happens() {
    let root = Root::new();
    let address = "[[ -z ${SCCACHE_SERVER_UDS} ]] || echo '@user@ address'";
    root.append("etc/portage/bashrc", address);
    assert!(!user_lines(&root.emerge(&["dev-test/many-files"]).log).is_empty());
    std::fs::remove_file(root.file("usr/bin/sccache-collect")).unwrap();
    assert!(user_lines(&root.emerge(&["dev-test/plain"]).log).is_empty());
    let root = Root::new();
    root.append("etc/portage/bashrc", address).sccache("none");
    assert!(user_lines(&root.emerge(&["dev-test/plain"]).log).is_empty());
    assert!(!root.database().exists());
}

/// In each of the files that Portage sources: the profile's, bashrc, the package's (`__source_all_bashrcs` in 3.0.83).
#[test]
#[ignore = "needs root and the registries: make test"]
fn sourced_again_it_loses_nothing() {
    let root = Root::new();
    let hook = root.read("etc/portage/bashrc");
    for file in [
        "bashrc",
        "profile/profile.bashrc",
        "env/dev-test/many-files",
    ] {
        root.append(&format!("etc/portage/{file}"), &hook);
        root.emerge(&["dev-test/many-files"]);
    }
    let builds = root.builds(&[]);
    let looked_up = |build: &serde_json::Value| {
        build["hits"].as_u64().unwrap() + build["misses"].as_u64().unwrap()
    };
    let counts: Vec<u64> = builds.iter().map(looked_up).collect();
    assert_eq!(counts, [25; 3]);
}

/// portage-bashrc-mv's interface, as far as the hook meets it (a stand-in written from its documentation: it is not to
/// be had from a registry). It sources its files once, keeps functions in the environment, and runs what was registered.
const BASHRC_MV: &str = r#"
if [[ $(type -t BashrcdMain) != function ]]; then
	BashrcdPhase() {
		local name=bashrcd_phases_c_$1 count
		count=${!name:--1}
		printf -v "${name}" %s $((count + 1))
		printf -v "bashrcd_phases_$((count + 1))_$1" %s "$2"
	}
	BashrcdMain() {
		local file
		for file in "${PORTAGE_CONFIGROOT%/}/etc/portage/bashrc.d/"*.sh; do . "${file}"; done
		unset -f BashrcdPhase
		BashrcdMain() {
			local phase number last action
			for phase in all "${EBUILD_PHASE}"; do
				last=bashrcd_phases_c_${phase}
				for ((number = 0; number <= ${!last:--1}; number++)); do
					action=bashrcd_phases_${number}_${phase}
					eval "${!action}"
				done
			done
		}
		BashrcdMain
	}
fi
BashrcdMain
"#;

#[test]
#[ignore = "needs root and the registries: make test"]
fn a_link_in_bashrc_d_works_as_well() {
    let root = Root::new();
    std::fs::write(root.file("etc/portage/bashrc"), BASHRC_MV).unwrap();
    root.append(
        "etc/portage/bashrc.d/10-other.sh",
        "BashrcdPhase compile 'echo @user@ other'",
    );
    std::os::unix::fs::symlink(
        "/mnt/gentoo/usr/share/sccache-report/sccache-report.sh",
        root.file("etc/portage/bashrc.d/90-sccache-report.sh"),
    )
    .unwrap();
    let run = root.emerge(&["dev-test/many-files"]);
    assert_eq!(user_lines(&run.log), ["other"], "{}", run.log);
    assert_eq!(root.builds(&[])[0]["misses"], 25);
    let environment = root.environment("dev-test/many-files-1.0");
    assert!(
        !environment.contains("sccache-report") && !environment.contains("sccache_report"),
        "{environment}"
    );
    // The stand-in's own state is still there: only our entry is gone.
    assert!(environment.contains("@user@ other"), "{environment}");
}

/// Under `set -e` in the ebuild, a trap of the user's runs as it does without the hook, and sees the same status.
#[test]
#[ignore = "needs root and the registries: make test"]
fn a_trap_runs_under_errexit_too() {
    let root = Root::new();
    let hook = root.read("etc/portage/bashrc");
    let before = "[[ ${EBUILD_PHASE} != compile ]] || trap 'echo \"@user@ trap status $?\"' EXIT\n";
    std::fs::write(root.file("etc/portage/bashrc"), format!("{before}{hook}")).unwrap();
    root.ebuild(
        "dev-test/errexit-1.0",
        "EAPI=8\nSLOT=0\nKEYWORDS=amd64\nS=${WORKDIR}\nsrc_compile() { set -e; false; }",
    );
    let run = root.emerge_with(&[], &["dev-test/errexit"]).failed();
    assert_eq!(user_lines(&run.log), ["trap status 1"], "{}", run.log);
}

/// Functions that a shell has trouble with: patterns of extglob, and more text than a pipe holds.
#[test]
#[ignore = "needs root and the registries: make test"]
fn a_users_function_may_be_anything() {
    let root = Root::new();
    let hook = root.read("etc/portage/bashrc");
    let long = ": ".to_owned() + &"x".repeat(200_000);
    let before = format!(
        "shopt -s extglob\npost_src_compile() {{\n{long}\n[[ ab == !(a) ]] && echo @user@ post\n}}\nshopt -u extglob\n"
    );
    std::fs::write(root.file("etc/portage/bashrc"), format!("{before}{hook}")).unwrap();
    let run = root.emerge(&["dev-test/many-files"]);
    assert_eq!(user_lines(&run.log), ["post"]);
    assert_eq!(root.builds(&[])[0]["misses"], 25);
}

/// A phase that was done before is skipped, and hands on what it found.
#[test]
#[ignore = "needs root and the registries: make test"]
fn a_skipped_phase_keeps_a_users_function() {
    let root = Root::new();
    // Defined once, as portage-bashrc-mv does.
    let hook = root.read("etc/portage/bashrc");
    let before = "[[ ${EBUILD_PHASE} != setup ]] || post_src_compile() { echo @user@ post; }\n";
    std::fs::write(root.file("etc/portage/bashrc"), format!("{before}{hook}")).unwrap();
    let ebuild = "/mnt/gentoo/var/db/repos/test/dev-test/many-files/many-files-1.0.ebuild";
    let run = root.run(&["ebuild", ebuild, "compile"]).ok();
    assert_eq!(user_lines(&run.log), ["post"]);
    std::fs::remove_file(root.file("var/tmp/portage/dev-test/many-files-1.0/.installed")).ok();
    let run = root.run(&["ebuild", ebuild, "compile", "merge"]).ok();
    assert!(user_lines(&run.log).is_empty(), "{}", run.log);
    assert!(
        root.environment("dev-test/many-files-1.0")
            .contains("@user@ post")
    );
    assert_eq!(root.builds(&[])[0]["misses"], 25);
}

/// The collector's word when its options or variables are wrong: a warning, a good merge, and no number lost.
#[test]
#[ignore = "needs root and the registries: make test"]
fn an_empty_or_relative_database_variable_loses_nothing() {
    let root = Root::new();
    root.emerge_with(&[("SCCACHE_REPORT_DB", "")], &["dev-test/many-files"])
        .ok();
    assert_eq!(root.builds(&[]).len(), 1, "empty is not set");
    let run = root
        .emerge_with(
            &[("SCCACHE_REPORT_DB", "relative.db")],
            &["dev-test/many-files"],
        )
        .ok();
    assert!(
        run.log.contains("relative.db is not an absolute path"),
        "{}",
        run.log
    );
    assert!(
        run.log.contains(" * sccache-report-build: {"),
        "{}",
        run.log
    );
    assert_eq!(root.builds(&[]).len(), 1);
}
