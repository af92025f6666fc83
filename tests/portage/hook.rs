//! The hook doesn't change the effect of the user's bashrc, nor the build.

use crate::support::portage::Root;

/// A user's functions, trap, and shell options around the hook.
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
#[ignore = "needs the real Portage: root and package registries"]
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
    // The saved environment has them as without the hook.
    let environment = root.environment("dev-test/many-files-1.0");
    assert!(environment.contains("post_src_compile ()") && environment.contains("@user@ post"));
    assert!(!environment.contains("sccache_report"), "{environment}");
    assert_eq!(root.builds(&[]).len(), 1);
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
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

/// A function that is defined after the hook replaces the hook's post_src_compile.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
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

/// A common recipe stops the server in a function of its own.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_recipe_that_stops_the_server_takes_no_numbers_away() {
    let root = Root::new();
    let hook = root.read("etc/portage/bashrc");
    let before = "post_src_compile() { sccache --stop-server; }\n";
    std::fs::write(root.file("etc/portage/bashrc"), format!("{before}{hook}")).unwrap();
    root.emerge(&["dev-test/many-files"]);
    assert_eq!(root.builds(&[])[0]["misses"], 25);
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
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

/// The hook is sourced from each file that Portage sources (`__source_all_bashrcs` in 3.0.83).
#[test]
#[ignore = "needs the real Portage: root and package registries"]
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

/// A stand-in for portage-bashrc-mv 23.0: it sources the files once, and later phases run the registered texts, each as a
/// simple command after one unquoted expansion.
const BASHRC_MV: &str = r#"
if ! declare -F BashrcdMain >/dev/null; then
	BashrcdPhase() {
		local counter=bashrcd_phases_c_$1
		local next=$(( ${!counter:--1} + 1 ))
		printf -v "${counter}" %s "${next}"
		printf -v "bashrcd_phases_${next}_$1" %s "$2"
	}
	BashrcdMain() {
		local file
		for file in "${PORTAGE_CONFIGROOT%/}/etc/portage/bashrc.d/"*.sh; do
			[[ ! -r ${file} ]] || . "${file}"
		done
		unset -f BashrcdPhase
		BashrcdMain() {
			local phase counter number text
			for phase in all "${EBUILD_PHASE}"; do
				counter=bashrcd_phases_c_${phase}
				for (( number = 0; number <= ${!counter:--1}; number++ )); do
					text=bashrcd_phases_${number}_${phase}
					${!text}
				done
			done
		}
		BashrcdMain
	}
fi
BashrcdMain
"#;

/// A widely used recipe that prints the statistics and stops the server.
const RECIPE: &str = r#"
RecipeStop() { echo "@user@ stop"; sccache --stop-server; }
RecipePrint() { echo "@user@ print"; sccache --show-stats; sccache --stop-server; }
BashrcdPhase prepare RecipeStop
BashrcdPhase preinst RecipePrint
"#;

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_link_in_bashrc_d_works_as_well() {
    for recipe in ["10-recipe.sh", "99-recipe.sh"] {
        let root = Root::new();
        std::fs::write(root.file("etc/portage/bashrc"), BASHRC_MV).unwrap();
        root.append(&format!("etc/portage/bashrc.d/{recipe}"), RECIPE);
        let hook = root.file("usr/share/sccache-report/sccache-report.sh");
        let link = root.file("etc/portage/bashrc.d/90-sccache-report.sh");
        std::os::unix::fs::symlink(
            "/mnt/gentoo/usr/share/sccache-report/sccache-report.sh",
            link,
        )
        .unwrap();
        for _ in ["cold", "warm"] {
            let run = root.emerge(&["dev-test/many-files"]);
            assert_eq!(user_lines(&run.log), ["stop", "print"], "{}", run.log);
            assert!(!run.log.contains("not found"), "{}", run.log);
        }
        let builds = root.builds(&[]);
        assert_eq!(
            (&builds[0]["misses"], &builds[1]["hits"]),
            (&25.into(), &25.into())
        );
        let environment = root.environment("dev-test/many-files-1.0");
        assert!(
            !environment.contains("sccache-report") && !environment.contains("sccache_report"),
            "{environment}"
        );
        // Only the hook's entry is removed.
        assert!(environment.contains("RecipePrint"), "{environment}");

        // A binary package saves the environment before pkg_preinst. Without the hook's file, nothing happens.
        root.emerge_with(&[], &["--buildpkgonly", "dev-test/many-files"])
            .ok();
        std::fs::remove_file(hook).unwrap();
        let installed = root
            .emerge_with(&[], &["--usepkgonly", "dev-test/many-files"])
            .ok();
        let removed = root
            .run(&["emerge", "--unmerge", "dev-test/many-files"])
            .ok();
        for log in [installed.log, removed.log] {
            assert!(
                !log.contains("not found") && !log.contains("No such file"),
                "{log}"
            );
            assert!(!log.contains("sccache-report"), "{log}");
        }
    }
}

/// The hook needs globs to find the snapshots of phases.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_bashrc_without_globs_loses_no_record() {
    let root = Root::new();
    let hook = root.read("etc/portage/bashrc");
    std::fs::write(root.file("etc/portage/bashrc"), format!("set -f\n{hook}")).unwrap();
    let run = root.emerge(&["dev-test/many-files"]);
    assert_eq!(root.builds(&[]).len(), 1, "{}", run.log);
}

/// A stand-in for Portage's unreleased change 1712: phases without functions may be skipped, or run without bashrc.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_body_that_is_not_sourced_in_every_phase_loses_no_record() {
    for skipped in ["preinst", "unpack|prepare|configure|preinst"] {
        let root = Root::new();
        let hook = root.read("etc/portage/bashrc");
        let bashrc = format!("if [[ ${{EBUILD_PHASE}} != @({skipped}) ]]; then\n{hook}\nfi\n");
        std::fs::write(root.file("etc/portage/bashrc"), bashrc).unwrap();
        root.ebuild(
            "dev-test/two-1.0",
            &crate::support::portage::ebuild(
                "pkg_setup() { cd ${T}; one a; }\nsrc_configure() { [[ ${SCCACHE_LOCAL_RW_MODE} != READ_ONLY ]] || die left; }\n\
                 src_compile() { one b; }",
            ),
        );
        let run = root.emerge(&["dev-test/two"]);
        assert_eq!(root.builds(&[])[0]["misses"], 1, "{}", run.log);
        let environment = root.environment("dev-test/two-1.0");
        for left in ["sccache_report", "pre_pkg_preinst", "SCCACHE_SERVER"] {
            assert!(!environment.contains(left), "{left}: {environment}");
        }
    }
    // Sourced only in phases that the ebuild defines.
    let root = Root::new();
    let hook = root.read("etc/portage/bashrc");
    let bashrc = format!("if [[ ${{EBUILD_PHASE}} == compile ]]; then\n{hook}\nfi\n");
    std::fs::write(root.file("etc/portage/bashrc"), bashrc).unwrap();
    let run = root.emerge(&["dev-test/many-files"]);
    assert_eq!(root.builds(&[])[0]["misses"], 25, "{}", run.log);
    let environment = root.environment("dev-test/many-files-1.0");
    assert!(!environment.contains("sccache-report"), "{environment}");
}

/// With `set -e` in the ebuild, the user's trap runs and sees the same status as without the hook.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
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

/// Difficult functions: patterns of extglob, and more text than a pipe holds.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
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

/// A phase that is already done is skipped, and keeps the user's function.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
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

/// A wrong variable causes a warning. The merge succeeds, and no numbers are lost.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
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
