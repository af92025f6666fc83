//! Compiles a small C file and a small Rust file twice, as builds do: a miss, then a hit.
//!
//! Everything runs in new mount and PID namespaces, with a tmpfs for the files. When they end, or
//! this process is killed, the kernel removes the server, the compilers and the files.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use uuid::Uuid;

use super::build_settings::BuildSettings;
use super::build_user::SYSTEM_PATH;
use super::cache::Cache;
use super::{Context, Finding, SETUP, green, programs, quoted, red, unknown};
use crate::portage::User;
use crate::process;
use crate::sccache::parse_json;
use crate::text::printable;

/// The time limit for one command. sccache itself waits 10 s for its server.
const TIME_LIMIT: Duration = Duration::from_secs(15);

/// The folder in which the tmpfs is mounted: one that exists everywhere and that no setting names.
const FOLDER: &str = "/dev/shm";

/// Runs as PID 1 of the namespaces. It isn't replaced by the command after it, because a change of
/// the user would clear the signal that ends it with its parent (prctl(2), PR_SET_PDEATHSIG).
const ISOLATE: &str = r#"
mount -t tmpfs -o mode=1777 tmpfs /dev/shm && cd /dev/shm || exit
mount -t proc proc /proc 2>/dev/null
ip link set lo up 2>/dev/null # for sccache before 0.9
"$@"
exit $?"#;

/// Runs as the build user: SCCACHE NAME COMMAND... The rule for sandbox is added within it, as
/// Portage's `addwrite` does: if the variable were set before, sandbox would ignore /etc/sandbox.d.
const COMPILE_TWICE: &str = r#"
sccache=$1
echo "int $2(void) { return 1; }" >test.c
echo "pub fn $2() -> u32 { 1 }" >test.rs
shift 2
export SANDBOX_WRITE="$SANDBOX_WRITE:$PWD"
command -v "$1" >/dev/null || { echo "$1 isn't in the search path of builds" >&2; exit 1; }
"$sccache" --start-server >&2 && "$@" >&2 && "$@" >&2 &&
	"$sccache" --show-stats --stats-format=json
status=$?
"$sccache" --stop-server >/dev/null 2>&1
exit $status"#;

const C_ARGUMENTS: &str = "-c test.c -o test.o";

const RUSTC: &str = "rustc --crate-name test --crate-type=lib --emit=dep-info,metadata,link \
    --out-dir . test.rs";

/// Variables that select the server, or that other checks cover.
const OMITTED: [&str; 9] = [
    "SCCACHE_CLIENT_SIDE",
    "SCCACHE_IDLE_TIMEOUT",
    "SCCACHE_LOG",
    "SCCACHE_NO_CACHE",
    "SCCACHE_NO_DAEMON",
    "SCCACHE_RECACHE",
    "SCCACHE_SERVER_PORT",
    "SCCACHE_START_SERVER",
    "SCCACHE_STARTUP_NOTIFY",
];

/// Compiles C and Rust, if possible. Returns a finding for each, and the cache's size and limit in
/// bytes.
pub(super) fn run(
    context: &Context,
    cache: &Result<Cache, Finding>,
    is_without_redis: bool,
) -> (Finding, Finding, Option<(u64, u64)>) {
    match Compiler::new(context, cache, is_without_redis) {
        Ok(mut it) => (it.check_c(), it.check_rust(), it.cache_size),
        Err(reason) => (unknown(&reason), unknown(&reason), None),
    }
}

/// Calls compilers as builds do.
struct Compiler<'a> {
    settings: &'a BuildSettings,
    /// The command that creates the namespaces and changes to the build user.
    isolation: Vec<String>,
    sccache: String,
    is_sandboxed: bool,
    /// Whether the hook would let builds use the local cache alone.
    is_without_redis: bool,
    cache_size: Option<(u64, u64)>,
}

impl<'a> Compiler<'a> {
    /// # Errors
    /// Returns the reason why nothing can be tried.
    fn new(
        context: &'a Context,
        cache: &Result<Cache, Finding>,
        is_without_redis: bool,
    ) -> Result<Self, String> {
        let settings = &context.settings;
        let user = context.user.as_ref().map_err(String::clone)?;
        if cache.is_err() {
            return Err("not tried: see the check `cache`".to_owned());
        }
        if let Some(name) = settings.unknown_password() {
            return Err(format!(
                "not tried: the value of {name} is only known in builds"
            ));
        }
        let sccache = programs::find_sccache(settings);
        let path = settings.path();
        let version = sccache.as_ref().and_then(|it| user.version(it, &path));
        let (Some(sccache), Some(version)) = (sccache, version) else {
            return Err("not tried: see the check `programs`".to_owned());
        };
        let compiler = Self {
            settings,
            isolation: isolation(settings, user, &version),
            sccache: sccache.to_string_lossy().into_owned(),
            is_sandboxed: is_sandboxed(context),
            is_without_redis,
            cache_size: None,
        };
        let result = compiler.run(&["true"]);
        result.map_err(|error| format!("not tried: namespaces can't be created: {error}"))?;
        Ok(compiler)
    }

    fn check_c(&mut self) -> Finding {
        let command = self.settings.value("CC").unwrap_or("cc");
        let finding = self.check_command(command, C_ARGUMENTS, "");
        finding.unwrap_or_else(|| self.check_sccache("cc", C_ARGUMENTS))
    }

    fn check_rust(&mut self) -> Finding {
        if self.settings.find_program("rustc").is_none() {
            return unknown("not tried: rustc isn't installed");
        }
        let Some((name, wrapper)) = self.settings.rust_wrapper() else {
            return self.check_sccache("", RUSTC);
        };
        let message = format!("{name}={} doesn't call sccache", quoted(wrapper));
        let finding = self.check_command(wrapper, RUSTC, "");
        finding.unwrap_or_else(|| red(message + ", so Rust code isn't cached"))
    }

    /// Checks sccache itself, for a language for which no setting makes builds call it.
    fn check_sccache(&mut self, compiler: &str, arguments: &str) -> Finding {
        const NOTE: &str = " (only packages that call sccache themselves use it)";
        let command = format!("{} {compiler}", self.sccache);
        let finding = self.check_command(command.trim(), arguments, NOTE);
        finding.unwrap_or_else(|| red("sccache counted no requests"))
    }

    /// Compiles a file twice. Returns nothing if the command doesn't call sccache.
    fn check_command(&mut self, command: &str, arguments: &str, note: &str) -> Option<Finding> {
        let words = format!("{command} {arguments}");
        let command = quoted(command);
        let error = match self.compile_twice(&words, self.is_sandboxed) {
            Ok(true) => return Some(green(format!("{command}: a miss, then a hit{note}"))),
            Ok(false) => return None,
            Err(error) => error,
        };
        if self.is_sandboxed && self.compile_twice(&words, false).is_ok() {
            let message = format!("sandbox has no rule that lets builds write the cache: {error}");
            return Some(red(message).fix(SETUP));
        }
        Some(red(format!("{command} failed: {error}")))
    }

    /// Compiles a file twice. Returns whether the command called sccache.
    fn compile_twice(&mut self, command: &str, in_sandbox: bool) -> Result<bool, String> {
        // A unique name, so that the first compilation is a miss.
        let name = format!("sccache_report_{}", Uuid::new_v4().simple());
        let mut words = vec!["/bin/sh", "-c", COMPILE_TWICE, "sh", &self.sccache, &name];
        if in_sandbox {
            words.insert(0, "sandbox");
        }
        words.extend(command.split_whitespace());
        let stats = parse_json(&self.run(&words)?).map_err(|error| error.to_string())?;
        let size = stats.cache_size.zip(stats.max_cache_size);
        self.cache_size = size.or(self.cache_size);
        let (hits, write_errors) = (stats.hits.total, stats.write_errors.unwrap_or(0));
        if hits == 1 && write_errors == 0 {
            return Ok(true);
        }
        if [stats.requests.unwrap_or(0), hits, stats.misses.total] == [0; 3] {
            return Ok(false);
        }
        let message = format!("the second call wasn't a hit ({write_errors} write errors)");
        Err(message)
    }

    /// Runs a program in new namespaces, with the environment of builds. Returns its output.
    fn run(&self, words: &[&str]) -> Result<Vec<u8>, String> {
        let mut command = Command::new(&self.isolation[0]);
        command.args(&self.isolation[1..]);
        command.arg(format!("PATH={}", self.settings.path()));
        command.args(words).env_clear();
        for prefix in ["SCCACHE_", "SANDBOX_"] {
            let variables = self.settings.starting_with(prefix);
            command.envs(variables.filter(|(name, _)| !OMITTED.contains(name)));
        }
        if self.is_without_redis {
            command
                .env_remove("SCCACHE_REDIS_ENDPOINT")
                .env_remove("SCCACHE_REDIS");
            command.env("SCCACHE_MULTILEVEL_CHAIN", "disk");
            if self.settings.cache_folder().is_none() {
                command.env("SCCACHE_DIR", FOLDER);
            }
        }
        command.env("PATH", SYSTEM_PATH).env("LC_ALL", "C");
        command.env("HOME", FOLDER).env("TMPDIR", FOLDER);
        command.env("SCCACHE_SERVER_UDS", format!("{FOLDER}/socket"));
        match process::run(&mut command, TIME_LIMIT) {
            Ok(output) if output.status.success() => Ok(output.stdout),
            Ok(output) => Err(first_error(&String::from_utf8_lossy(&output.stderr))),
            Err(process::RunError::NotStarted(error)) => Err(error.to_string()),
            Err(process::RunError::TimedOut) => Err("it took too long".to_owned()),
        }
    }
}

/// Returns the command that creates the namespaces and changes to the build user. A server before
/// sccache 0.9 listens on a TCP port, which other users could reach outside a private network.
fn isolation(settings: &BuildSettings, user: &User, version: &str) -> Vec<String> {
    let has_server = settings.value("SCCACHE_SERVER_UDS").is_some();
    let has_network = has_server || settings.has_feature("network-sandbox") != Some(true);
    let needs_network =
        has_network && settings.remote_cache().is_some() && settings.redis().is_none();
    let is_private = !needs_network || programs::is_before(version, 9);
    let network = if is_private { "--net" } else { "" };
    // Ends the namespaces with this process. Gentoo installs setpriv only with USE=caps.
    let guard = if Path::new("/usr/bin/setpriv").exists() {
        "setpriv --pdeathsig=KILL"
    } else {
        "timeout --signal=KILL 15"
    };
    let (enter, leave) = if rustix::process::geteuid().is_root() {
        let leave = format!("unshare --setgid={} --setuid={}", user.gid, user.uid);
        ("", leave)
    } else {
        // A second user namespace drops the capabilities of the first one.
        let leave = "unshare --user --map-current-user".to_owned();
        ("unshare --user --map-current-user --keep-caps", leave)
    };
    let start =
        format!("{enter} {guard} unshare --mount --pid --fork --kill-child {network} /bin/sh -c");
    let start = start.split_whitespace().chain([ISOLATE, "sh"]);
    let words = start.chain(leave.split_whitespace()).chain(["env"]);
    words.map(str::to_owned).collect()
}

/// Whether the compilers of builds run under `sandbox`, with rules that apply here as well: only
/// builds have rules from bashrc.
fn is_sandboxed(context: &Context) -> bool {
    let has_feature = |name| context.settings.has_feature(name) == Some(true);
    let is_on = has_feature("usersandbox") || has_feature("sandbox") && !has_feature("userpriv");
    let mut additions = ["addwrite", "SANDBOX_WRITE"].into_iter();
    is_on
        && context.settings.find_program("sandbox").is_some()
        && additions.all(|text| context.files.find_text(text).is_none())
}

/// Returns the first line with an error, and the last line, which has its cause.
fn first_error(stderr: &str) -> String {
    let is_error = |line: &str| {
        let line = line.to_lowercase();
        let mut words = ["error", "fail", "denied", "not found"].into_iter();
        words.any(|word| line.contains(word)) && !line.contains("fatal error")
    };
    let prefixes = ["sccache: ", "error: ", "caused by: "];
    let strip = |line| {
        prefixes
            .iter()
            .fold(line, |line: &str, it| line.trim_start_matches(it))
    };
    let mut lines = stderr.lines().filter(|line| !line.trim().is_empty());
    let last = lines.clone().next_back().unwrap_or("no error message");
    let first = strip(lines.find(|line| is_error(line)).unwrap_or(last));
    if first == strip(last) {
        return printable(first, 300);
    }
    printable(&format!("{first}: {}", strip(last)), 300)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_the_error_that_sccache_prints() {
        let config = "sccache: error: Failed to load config file\n\
            sccache: caused by: Failed to load toml config file from /c.toml\n\
            sccache: caused by: TOML parse error at line 3, column 1\n  |\n\
            3 | unknown=1\n  | ^^^\nunknown field `unknown`, expected `dir`\n\n";
        assert_eq!(
            first_error(config),
            "Failed to load config file: unknown field `unknown`, expected `dir`"
        );
        let denied =
            "failed to create directory `/ro/preprocessor`: Permission denied (os error 13)";
        let text = format!(
            "sccache: encountered fatal error\nsccache: error: {denied}\nsccache: caused by: {denied}\n"
        );
        assert_eq!(first_error(&text), denied);
        assert_eq!(first_error(""), "no error message");
    }
}
