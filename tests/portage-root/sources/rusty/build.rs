//! Compiles a C file the way the `cc` crate does: the compiler behind RUSTC_WRAPPER, so that sccache sees two languages.
use std::{env, path::Path, process::Command};

fn main() {
    let out = env::var("OUT_DIR").unwrap();
    let object = Path::new(&out).join("add.o");
    let mut cc = match env::var("RUSTC_WRAPPER") {
        Ok(wrapper) if !wrapper.is_empty() => {
            let mut command = Command::new(wrapper);
            command.arg("cc");
            command
        }
        _ => Command::new("cc"),
    };
    let status = cc.args(["-O1", "-c", "src/add.c", "-o"]).arg(&object).status().unwrap();
    assert!(status.success());
    let status = Command::new("ar").arg("rcs").arg(Path::new(&out).join("libadd.a")).arg(&object).status().unwrap();
    assert!(status.success());
    println!("cargo:rustc-link-search=native={out}");
    println!("cargo:rustc-link-lib=static=add");
    println!("cargo:rerun-if-changed=src/add.c");
}
