fn main() -> std::process::ExitCode {
    sccache_report::report::main(std::env::args_os())
}
