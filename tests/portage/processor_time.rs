//! The processor time of a phase's compilers. The kernel reports it, while sccache measures the wall clock.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::portage::{Root, ebuild};
use serde_json::Value;

/// A compiler that waits, as on busy cores.
const WAITING_COMPILER: &str = "#!/bin/sh
case \" $* \" in *' -c '*) sleep 1 ;; esac
exec /usr/bin/gcc \"$@\"
";

fn compile_phase(build: &Value) -> &Value {
    &build["phases"]["compile"]
}

#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn a_miss_costs_no_more_than_the_processor_time_of_its_compiler() {
    let root = Root::new();
    let compiler = root.file("usr/bin/waiting-gcc");
    fs::write(&compiler, WAITING_COMPILER).unwrap();
    fs::set_permissions(&compiler, fs::Permissions::from_mode(0o755)).unwrap();
    let phases = "src_compile() { local n; for n in {1..8}; do echo \"int x${n};\" > ${n}.c || die\n\
                  sccache /mnt/gentoo/usr/bin/waiting-gcc -c ${n}.c || die; done; }";
    root.ebuild("dev-test/waiting-1.0", &ebuild(phases));
    root.emerge(&["dev-test/waiting"]);
    root.emerge(&["dev-test/waiting"]);

    let builds = root.builds(&["dev-test/waiting"]);
    let (cold, warm) = (compile_phase(&builds[0]), compile_phase(&builds[1]));
    assert_eq!(
        [&cold["misses"], &cold["compilations"], &warm["hits"]],
        [8, 8, 8],
        "{cold}\n{warm}"
    );
    let seconds = |phase: &Value, name: &str| phase[name].as_f64().unwrap();
    let processors = seconds(cold, "processor_seconds");
    assert!(processors > 0.0, "{cold}");
    // Only the wall clock includes eight seconds of waiting.
    assert!(processors < seconds(cold, "compiler_seconds"), "{cold}");
    // Each hit is worth what its object cost, without the second of waiting. No compiler ran in the warm build: that is known.
    assert_eq!(builds[1]["exact_share"], 1.0);
    let saved = seconds(&builds[1], "time_saved_seconds");
    assert!(saved < processors, "{saved}, more than {processors}");
}

/// The processor time of a shared server can't be attributed to a build.
#[test]
#[ignore = "needs the real Portage: root and package registries"]
fn of_a_shared_server_it_is_unknown() {
    let root = Root::new();
    let shared = [("SCCACHE_SERVER_UDS", "/mnt/gentoo/var/tmp/shared.sock")];
    root.emerge_with(&shared, &["dev-test/many-files"]).ok();
    let build = root.builds(&[]).pop().unwrap();
    assert_eq!(build["attribution"], "shared");
    assert_eq!(compile_phase(&build)["processor_seconds"], Value::Null);
}
