//! Compiles a small file twice as the build user, with the settings in effect: a miss, then a hit.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::Context;
use super::build_user::{BuildUser, find_tool};
use super::cache::Folder;
use super::interrupt::HeldSignals;
use super::scratch::Scratch;
use crate::process;
use crate::sccache::{Address, is_listening, parse_json};
use crate::text::printable;

/// The time for everything that is tried.
const TIME: Duration = Duration::from_secs(30);

/// The outcomes of both compilations, and what the servers said about the cache.
pub(super) struct Attempt {
    pub(super) c: Outcome,
    pub(super) rust: Outcome,
    /// The cache's size and limit in bytes.
    pub(super) size: Option<(u64, u64)>,
}

/// The outcome of compiling one file twice; each has its reason.
pub(super) enum Outcome {
    /// A miss, then a hit, through this command; and whether builds call it so, or only sccache
    /// itself was tried.
    Cached(String, bool),
    NotTried(String),
    Failed(String),
    /// Failed under `sandbox` only.
    SandboxDenied(String),
}

struct Failure {
    reason: String,
    in_sandbox: bool,
}

/// Compiles C and Rust, where that is possible.
///
/// # Errors
/// Returns the reason, as text, why nothing was tried.
pub(super) fn attempt(context: &Context, folder: &Folder) -> Result<Attempt, String> {
    let user = context.user.as_ref().map_err(String::clone)?;
    if let Some(reason) = folder.forbids(user.uid) {
        return Err(format!("not tried: {reason}"));
    }
    let sccache = super::programs::sccache(context).ok_or("not tried: there is no sccache")?;
    let version = user.version(&sccache, &context.in_effect.path());
    let version = version.ok_or_else(|| format!("{} doesn't run", sccache.display()))?;
    if let Some(name) = context.in_effect.secret() {
        return Err(format!("not tried: only builds know the value of {name}"));
    }
    // Dropped after everything that has to be cleaned up.
    let signals = HeldSignals::new();
    let mut scratch = Scratch::new(user)
        .map_err(|error| format!("a scratch folder can't be created in /tmp: {error}"))?;
    // A unique name, so that the first compilation is a miss.
    let token = format!("sccache_report_{}", Uuid::new_v4().simple());
    let c = scratch.source("c.c", &format!("int {token}(void) {{ return 1; }}\n"));
    let rust = scratch.source("rust.rs", &format!("pub fn {token}() -> u32 {{ 1 }}\n"));
    let (Ok(c), Ok(rust)) = (c, rust) else {
        return Err("the scratch folder can't be written".to_owned());
    };
    let network = Network::for_attempt(context, &version)?;
    let mut session = Session {
        context,
        user,
        scratch: &scratch,
        signals: &signals,
        sccache: sccache.to_string_lossy().into_owned(),
        outer: network.as_ref().map(Network::enter).unwrap_or_default(),
        until: Instant::now() + TIME,
        is_sandboxed: is_sandboxed(context),
        size: None,
        servers: 0,
    };
    let configured = context.in_effect.value("CC").unwrap_or("cc");
    let c_arguments = format!("-c {c} -o {}", scratch.file("c.o"));
    let rust_arguments = format!(
        "rustc --crate-name {token} --crate-type=lib --emit=dep-info,metadata,link --out-dir {} {rust}",
        scratch.file("")
    );
    Ok(Attempt {
        c: session.language(configured, &c_arguments, "cc"),
        rust: session.rust(&rust_arguments),
        size: session.size,
    })
}

/// Whether the compilers of builds run under `sandbox`, with rules that hold here as well: what
/// bashrc adds to them is known in a build only.
fn is_sandboxed(context: &Context) -> bool {
    let has = |name| context.in_effect.has_feature(name) == Some(true);
    let is_on = if has("userpriv") {
        has("usersandbox")
    } else {
        has("sandbox") || has("usersandbox")
    };
    let mut additions = ["addwrite", "SANDBOX_WRITE"].into_iter();
    is_on
        && context.in_effect.find_program("sandbox").is_some()
        && additions.all(|text| context.files.naming(text).is_none())
}

struct Session<'a> {
    context: &'a Context,
    user: &'a BuildUser,
    scratch: &'a Scratch,
    signals: &'a HeldSignals,
    sccache: String,
    outer: Vec<String>,
    until: Instant,
    is_sandboxed: bool,
    size: Option<(u64, u64)>,
    /// How many private servers were started; each has a log.
    servers: u32,
}

impl Session<'_> {
    fn rust(&mut self, arguments: &str) -> Outcome {
        let in_effect = &self.context.in_effect;
        if in_effect.find_program("rustc").is_none() {
            return Outcome::NotTried("there is no rustc".to_owned());
        }
        match super::settings::rust_wrapper(in_effect) {
            None => self.language("", arguments, ""),
            Some((name, wrapper)) => match self.language(wrapper, arguments, "") {
                Outcome::Cached(through, false) => {
                    let message =
                        format!("{name}={wrapper} doesn't call sccache, as {through} does");
                    Outcome::Failed(message)
                }
                other => other,
            },
        }
    }

    /// Compiles by the command that builds use, or if that doesn't call sccache, by sccache itself.
    fn language(&mut self, configured: &str, arguments: &str, compiler: &str) -> Outcome {
        let plain = format!("{} {compiler}", self.sccache);
        let mut commands = vec![(plain.trim(), false)];
        if !configured.is_empty() {
            commands.insert(0, (configured, true));
        }
        for (command, is_configured) in commands {
            let words = format!("{command} {arguments}");
            let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
            match self.twice(&words) {
                Ok(true) => return Outcome::Cached(super::quoted(command), is_configured),
                Ok(false) => {}
                Err(Failure { reason, in_sandbox }) => {
                    let reason = format!("{}: {reason}", super::quoted(command));
                    return if in_sandbox {
                        Outcome::SandboxDenied(reason)
                    } else {
                        Outcome::Failed(reason)
                    };
                }
            }
        }
        Outcome::Failed("sccache counted nothing".to_owned())
    }

    /// Compiles twice; if that fails under `sandbox`, once more without. Returns whether sccache was
    /// called.
    fn twice(&mut self, command: &[String]) -> Result<bool, Failure> {
        let failure = |reason, in_sandbox| Failure { reason, in_sandbox };
        let result = self.with_server(command, self.is_sandboxed);
        result.map_err(|reason| {
            let in_sandbox = self.is_sandboxed && self.with_server(command, false).is_ok();
            failure(reason, in_sandbox)
        })
    }

    fn with_server(&mut self, command: &[String], in_sandbox: bool) -> Result<bool, String> {
        self.servers += 1;
        let sccache = |argument: &str| [self.sccache.clone(), argument.to_owned()];
        self.run(&sccache("--start-server"), in_sandbox)?;
        let mut compiled = self.run(command, in_sandbox);
        if compiled.is_ok() {
            compiled = self.run(command, in_sandbox);
        }
        let json = [&self.sccache, "--show-stats", "--stats-format=json"].map(str::to_owned);
        let json = self.run(&json, in_sandbox);
        // Stopped or not: what is left is killed with the scratch folder.
        let _ = self.run(&sccache("--stop-server"), in_sandbox);
        compiled?;
        let stats = parse_json(&json?).map_err(|error| error.to_string())?;
        if let (Some(size), Some(limit)) = (stats.cache_size, stats.max_cache_size) {
            self.size = Some((size, limit));
        }
        if stats.hits.total == 1 && stats.write_errors.unwrap_or(0) == 0 {
            return Ok(true);
        }
        let counted = stats.requests.unwrap_or(0) + stats.hits.total + stats.misses.total;
        if counted == 0 {
            return Ok(false);
        }
        Err(self.reason_in_log())
    }

    /// Why the second compilation wasn't a hit.
    fn reason_in_log(&self) -> String {
        let words = ["/bin/cat".to_owned(), self.log()];
        let log = self.run(&words, false).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let reason = log.lines().find(|line| is_error(line));
        let reason = reason.map(|line| line.split_once("] ").map_or(line, |(_, rest)| rest));
        let reason = printable(reason.unwrap_or("sccache gives no reason"), 200);
        format!("the second compilation wasn't a hit: {reason}")
    }

    fn log(&self) -> String {
        self.scratch.file(&format!("log-{}", self.servers))
    }

    /// Returns the standard output; the error is the program's own.
    fn run(&self, arguments: &[String], in_sandbox: bool) -> Result<Vec<u8>, String> {
        // As `addwrite` in Portage's isolated-functions: the rules of sandbox.d stay in force.
        const ALLOW: &str = r#"export SANDBOX_WRITE="${SANDBOX_WRITE}:${PWD}"; exec "$@""#;
        let sandbox = ["sandbox", "/bin/sh", "-c", ALLOW, "sh"].map(str::to_owned);
        let sandbox = sandbox.iter().filter(|_| in_sandbox);
        let words: Vec<String> = sandbox.chain(arguments).cloned().collect();
        let path = self.context.in_effect.path();
        let mut command = self.user.command(&self.outer, &words, &path);
        self.set_environment(&mut command);
        if self.signals.received().is_some() {
            return Err("interrupted".to_owned());
        }
        let left = self.until.saturating_duration_since(Instant::now());
        match process::run(&mut command, left.min(TIME / 2)) {
            Ok(output) if output.status.success() => Ok(output.stdout),
            Ok(output) => Err(first_error(&String::from_utf8_lossy(&output.stderr))),
            Err(process::RunError::NotStarted(error)) => Err(error.to_string()),
            Err(process::RunError::TimedOut) => {
                let program = arguments.first().map_or("", String::as_str);
                Err(format!("{} took too long", super::quoted(program)))
            }
        }
    }

    fn set_environment(&self, command: &mut Command) {
        // What would make the server another than a private one, or is judged by itself.
        const OWN: &str = "SCCACHE_CLIENT_SIDE SCCACHE_IDLE_TIMEOUT SCCACHE_LOG SCCACHE_NO_CACHE \
            SCCACHE_NO_DAEMON SCCACHE_RECACHE SCCACHE_SERVER_PORT SCCACHE_SERVER_UDS \
            SCCACHE_START_SERVER SCCACHE_STARTUP_NOTIFY";
        let work = &self.scratch.work;
        let in_effect = &self.context.in_effect;
        command.current_dir(work);
        command.env("HOME", work).env("TMPDIR", work);
        for prefix in ["SCCACHE_", "SANDBOX_"] {
            let set = in_effect.starting_with(prefix).into_iter();
            command.envs(set.filter(|(name, _)| !OWN.split(' ').any(|own| own == *name)));
        }
        command.env("SCCACHE_SERVER_UDS", self.scratch.socket());
        command.env("SCCACHE_IDLE_TIMEOUT", "60");
        // A log of the user's own may be what fails, and isn't to be filled here.
        if in_effect.value("SCCACHE_ERROR_LOG").is_none() {
            command.env("SCCACHE_ERROR_LOG", self.log());
            command.env("SCCACHE_LOG", "sccache=debug");
        }
    }
}

/// Whether a line of the server's log, at level debug, says what went wrong.
fn is_error(line: &str) -> bool {
    let is_expected = line.contains("open config file") || line.contains("stats after");
    !is_expected && (line.contains("os error") || line.contains(" ERROR "))
}

/// Returns the first line with an error, and the last one if it says more, as the position in a
/// configuration file is followed by the reason.
fn first_error(stderr: &str) -> String {
    let mut lines: Vec<&str> = stderr.lines().map(str::trim).collect();
    // The client logs at the server's level.
    lines.retain(|line| !line.is_empty() && !line.starts_with('['));
    let is_first = |line: &&&str| {
        let lower = line.to_lowercase();
        ["error", "fail", "denied", "not found"]
            .iter()
            .any(|word| lower.contains(word) && !lower.contains("fatal error"))
    };
    let last = lines
        .last()
        .copied()
        .unwrap_or("it failed without a message");
    let first = lines.iter().find(is_first).copied().unwrap_or(last);
    let first = first.strip_prefix("sccache: error: ").unwrap_or(first);
    let first = match first.strip_prefix("setpriv: failed to execute ") {
        Some(program_and_reason) => &format!("can't execute {program_and_reason}"),
        None => first,
    };
    let first_caused = lines.iter().rev().find(|line| line.contains("caused by: "));
    let mut message = first.to_owned();
    if let Some((_, cause)) = first_caused.and_then(|line| line.split_once("caused by: "))
        && cause != first
    {
        message = format!("{message}: {cause}");
        if !last.contains("caused by: ") {
            message = format!("{message}: {last}");
        }
    }
    printable(&message, 300)
}

/// A network namespace that only this attempt uses, alive as long as this.
struct Network {
    holder: Child,
    nsenter: String,
}

impl Network {
    /// Creates one where builds have one and it matters: for a server before 0.9, which listens on a
    /// TCP port, and for a remote cache.
    ///
    /// # Errors
    /// Returns the reason why nothing can be tried safely.
    fn for_attempt(context: &Context, version: &str) -> Result<Option<Self>, String> {
        let in_effect = &context.in_effect;
        let is_old = super::programs::is_before(version, 9);
        let socket = in_effect.value("SCCACHE_SERVER_UDS").unwrap_or_default();
        let is_shared = socket.starts_with('/') && is_listening(&Address::Path(socket.into()));
        let is_cut_off = !in_effect.remotes().is_empty()
            && in_effect.has_feature("network-sandbox") == Some(true)
            && !is_shared;
        if !is_old && !is_cut_off {
            return Ok(None);
        }
        let network = Self::new();
        if is_old && network.is_none() {
            return Err(format!(
                "not tried: sccache {version} listens on a TCP port, and a private network for it \
                 can't be created here"
            ));
        }
        Ok(network)
    }

    fn new() -> Option<Self> {
        const SCRIPT: &str = "ip link set lo up && echo up; exec sleep 60";
        let nsenter = find_tool("nsenter")?;
        let mut holder = Command::new(find_tool("unshare")?)
            .args(["--net", "/bin/sh", "-c", SCRIPT])
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut line = String::new();
        let output = holder.stdout.take()?;
        let network = Self { holder, nsenter };
        BufReader::new(output).read_line(&mut line).ok()?;
        (line == "up\n").then_some(network)
    }

    /// Returns the command that enters it.
    fn enter(&self) -> Vec<String> {
        let namespace = format!("--net=/proc/{}/ns/net", self.holder.id());
        vec![self.nsenter.clone(), namespace, "--".to_owned()]
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // It can only have ended already.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sccache_s_own_error_is_the_reason() {
        let config = "sccache: error: Failed to load config file\n\
            sccache: caused by: Failed to load toml config file from /c.toml\n\
            sccache: caused by: TOML parse error at line 3, column 1\n  |\n\
            3 | unknown=1\n  | ^^^\nunknown field `unknown`, expected `dir`\n\n";
        assert_eq!(
            first_error(config),
            "Failed to load config file: TOML parse error at line 3, column 1: \
             unknown field `unknown`, expected `dir`"
        );
        let denied =
            "failed to create directory `/ro/preprocessor`: Permission denied (os error 13)";
        let text = format!(
            "sccache: encountered fatal error\nsccache: error: {denied}\nsccache: caused by: {denied}\n"
        );
        assert_eq!(first_error(&text), denied);
        let logged = format!("[2026-11-28T20:03:40Z DEBUG a] failed to open\n{text}");
        assert_eq!(first_error(&logged), denied);
        let missing = "setpriv: failed to execute /usr/bin/x: No such file or directory\n";
        assert_eq!(
            first_error(missing),
            "can't execute /usr/bin/x: No such file or directory"
        );
        assert_eq!(first_error(""), "it failed without a message");
    }
}
