//! Reports sccache's statistics per package, per emerge, and over time.

fn main() -> std::process::ExitCode {
    sccache_report::report::main(std::env::args_os())
}
