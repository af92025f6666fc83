//! A PostgreSQL of its own in a temporary folder, on a path socket.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{err, out};

const PASSWORD: &str = "geheim";
/// How long the server may take to start or to end. On an idle machine, about a second.
const PATIENCE: Duration = Duration::from_secs(120);
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/postgresql");

/// A running server. Dropping it ends it.
pub struct Postgres {
    folder: tempfile::TempDir,
    process: Option<Child>,
}

impl Postgres {
    /// Starts a new server that has the tables of `schema.sql`.
    pub fn start() -> Postgres {
        let folder = tempfile::tempdir().unwrap();
        let postgres = Postgres {
            folder,
            process: None,
        };
        let path = postgres.folder.path();
        let password = path.join("password");
        fs::write(&password, PASSWORD).unwrap();
        if rustix::process::geteuid().is_root() {
            for path in [path, &password] {
                std::os::unix::fs::chown(path, Some(65534), Some(65534)).unwrap();
            }
        }
        let mut initdb = server_program("initdb");
        initdb
            .arg("-D")
            .arg(path.join("data"))
            .arg("--pwfile")
            .arg(password);
        initdb.args([
            "-U",
            "sccache",
            "-A",
            "scram-sha-256",
            "-E",
            "UTF8",
            "--locale=C",
        ]);
        let output = initdb.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let mut postgres = postgres.started();
        postgres.sql_in("postgres", "CREATE DATABASE sccache");
        postgres.create_tables();
        postgres
    }

    /// Returns it when it accepts connections.
    fn started(mut self) -> Postgres {
        let path = self.folder.path();
        let mut command = server_program("postgres");
        command
            .arg("-D")
            .arg(path.join("data"))
            .args(["-c", "listen_addresses="]);
        command
            .arg("-c")
            .arg(format!("unix_socket_directories={}", path.display()));
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        self.process = Some(child);
        let (sender, lines) = std::sync::mpsc::channel();
        // It reads to the end, because a full pipe would stop the server.
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let (begun, mut seen) = (Instant::now(), String::new());
        while !seen.contains("ready to accept connections") {
            let line = lines.recv_timeout(PATIENCE.saturating_sub(begun.elapsed()));
            seen += &line.unwrap_or_else(|_| panic!("PostgreSQL doesn't start: {seen}"));
        }
        self
    }

    /// Kills the server with SIGKILL, and starts it again when all of its processes have ended.
    pub fn kill_and_restart(mut self) -> Postgres {
        let mut child = self.process.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let lock = self.folder.path().join("data/postmaster.pid");
        // The other processes end when they see that the first one has.
        let data = self.folder.path().join("data");
        wait_until("ended", || !has_process_in(&data));
        let _ = fs::remove_file(lock);
        self.started()
    }

    pub fn create_tables(&mut self) {
        let mut psql = self.psql("sccache");
        let output = psql
            .arg("-f")
            .arg(format!("{SCRIPTS}/schema.sql"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// Sets what psql needs to connect, in an environment without anything else.
    fn connect(&self, command: &mut Command) {
        let collector = Path::new(env!("CARGO_BIN_EXE_sccache-report"));
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", collector.parent().unwrap().display());
        command
            .env_clear()
            .env("PATH", path)
            .env("TZ", "America/St_Johns");
        command
            .env("PGHOST", self.folder.path())
            .env("PGTZ", "Asia/Kathmandu");
        command.env("PGUSER", "sccache").env("PGPASSWORD", PASSWORD);
    }

    pub fn psql(&self, database: &str) -> Command {
        let mut command = Command::new("psql");
        self.connect(&mut command);
        command.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            database,
        ]);
        command
    }

    /// Returns what a statement prints.
    #[track_caller]
    pub fn sql(&self, sql: &str) -> String {
        self.sql_in("sccache", sql)
    }

    #[track_caller]
    fn sql_in(&self, database: &str, sql: &str) -> String {
        let output = self.psql(database).args(["-c", sql]).output().unwrap();
        assert!(output.status.success(), "{sql}: {}", err(&output));
        out(&output).trim_end().to_string()
    }

    /// Returns the rows of a query.
    #[track_caller]
    pub fn rows(&self, sql: &str) -> Vec<Value> {
        let rows = self.sql(&format!(
            "SELECT coalesce(json_agg(row), '[]') FROM ({sql}) AS row"
        ));
        serde_json::from_str::<Value>(&rows)
            .unwrap()
            .as_array()
            .unwrap()
            .clone()
    }

    /// Returns the row of `overview.sql`.
    pub fn overview(&self, variables: &[&str]) -> Value {
        let script = fs::read_to_string(format!("{SCRIPTS}/overview.sql")).unwrap();
        let (before, statement) = script.split_once("WITH newest").unwrap();
        let statement = statement.trim_end().trim_end_matches(';');
        let script = format!("{before}SELECT to_json(row) FROM (WITH newest{statement}) AS row");
        let mut psql = self.psql("sccache");
        for variable in variables {
            psql.args(["-v", variable]);
        }
        psql.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = psql.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(script.as_bytes())
            .unwrap();
        serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap()
    }

    /// Returns the command that pushes a database of builds.
    pub fn push_command(&self, db: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(format!("{SCRIPTS}/push"));
        self.connect(&mut command);
        command
            .arg("--db")
            .arg(db)
            .args(args)
            .arg("sccache")
            .stdin(Stdio::null());
        command
    }

    /// Pushes a database of builds, and returns what that printed.
    #[track_caller]
    pub fn push(&self, db: &Path, args: &[&str]) -> String {
        let output = self.push_command(db, args).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(err(&output), "");
        out(&output)
    }

    /// Returns the same numbers for the same content.
    pub fn sums(&self) -> String {
        self.sql(
            "SELECT count(*), sum(hits), sum(misses), sum(time_saved_seconds), sum(executed),
                (SELECT count(*) FROM build_detail), (SELECT sum(hits) FROM build_detail),
                (SELECT sum(misses) FROM build_detail), (SELECT sum(non_cacheable) FROM build_detail)
             FROM build",
        )
    }

    /// Starts a session that keeps others from writing into a table until its input is closed.
    pub fn lock(&self, table: &str) -> Child {
        let mut psql = self.psql("sccache");
        let mut child = psql
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let script =
            format!("BEGIN;\nLOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE;\n\\echo locked\n");
        child
            .stdin
            .as_mut()
            .unwrap()
            .write_all(script.as_bytes())
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line, "locked\n");
        child
    }

    /// Returns when so many sessions wait to insert.
    pub fn wait_for_waiting(&self, sessions: u32) {
        let sql = "SELECT count(*) FROM pg_stat_activity
            WHERE wait_event_type = 'Lock' AND query ~ '^(INSERT|DELETE)'";
        wait_until("waiting", || self.sql(sql) == sessions.to_string());
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut child) = self.process.take() {
            // Without waiting for clients.
            let pid = rustix::process::Pid::from_child(&child);
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
            let _ = child.wait();
        }
    }
}

/// Returns a program of the server, which refuses to run as root.
fn server_program(name: &str) -> Command {
    let mut folders: Vec<PathBuf> = ["/usr/lib/postgresql/*/bin", "/usr/lib64/postgresql-*/bin"]
        .iter()
        .flat_map(|pattern| glob::glob(pattern).unwrap())
        .map(Result::unwrap)
        .collect();
    folders.sort();
    let folder = folders
        .into_iter()
        .rev()
        .find(|folder| folder.join(name).exists());
    let program = folder.map_or_else(|| name.into(), |folder| folder.join(name));
    // It ends with the test that is killed.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "INT"]);
    if rustix::process::geteuid().is_root() {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    }
    command.arg(program).env("LC_ALL", "C").current_dir("/");
    command
}

/// Whether a process has this working directory.
fn has_process_in(folder: &Path) -> bool {
    let processes = fs::read_dir("/proc").unwrap().map(Result::unwrap);
    processes
        .map(|process| fs::read_link(process.path().join("cwd")))
        .any(|cwd| cwd.is_ok_and(|cwd| cwd == folder))
}

/// Returns when `is_done`.
pub fn wait_until(what: &str, mut is_done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_done() {
        assert!(begun.elapsed() < PATIENCE, "not {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Asserts that a command failed with one line, and returns the line.
#[track_caller]
pub fn one_line(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(out(output), "");
    let text = err(output);
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}
