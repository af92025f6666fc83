//! Records sccache's statistics. Portage's hook runs this program.

fn main() -> std::process::ExitCode {
    sccache_report::collect::main(std::env::args_os())
}
