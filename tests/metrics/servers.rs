//! A node_exporter that reads a temporary folder, and a Prometheus that scrapes it. Both choose free ports.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{err, run};

pub const PROJECT: &str = env!("CARGO_MANIFEST_DIR");

/// How long a server may take to start, and a change to be scraped and evaluated. On an idle machine, less than a second.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. Dropping it ends it.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    /// Starts a server, and returns when it has logged its address and then `ready`.
    fn start(command: &mut Command, ready: &str) -> Server {
        let child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut server = Server {
            child,
            address: String::new(),
        };
        let log = BufReader::new(server.child.stderr.take().unwrap());
        let (sender, lines) = mpsc::channel();
        // It reads to the end, because a full pipe would stop the server.
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let (begin, mut seen) = (Instant::now(), String::new());
        while server.address.is_empty() || !seen.contains(ready) {
            let patience = PATIENCE.saturating_sub(begin.elapsed());
            let line = lines.recv_timeout(patience);
            let line = line.unwrap_or_else(|_| panic!("{command:?} is not ready: {seen}"));
            if line.contains("Listening on") {
                let found = line
                    .split_whitespace()
                    .find_map(|word| word.strip_prefix("address="));
                found.unwrap().clone_into(&mut server.address);
            }
            seen += &line;
        }
        server
    }

    /// Returns the body of a page.
    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 OK"), "{path}: {answer}");
        body.to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The values of a metric, by labels.
pub type Series = BTreeMap<String, f64>;

/// Both servers, and the folder between them.
pub struct Monitoring {
    exporter: Server,
    prometheus: Server,
    scrapes: u32,
    // Last, because it is removed when the servers have ended.
    folder: TempDir,
}

impl Monitoring {
    /// Starts both, with the alert rules.
    pub fn start() -> Monitoring {
        let folder = tempfile::tempdir().unwrap();
        let textfile = folder.path().join("textfile");
        fs::create_dir(&textfile).unwrap();
        let mut exporter = Command::new("prometheus-node-exporter");
        exporter
            .args(["--collector.disable-defaults", "--collector.textfile"])
            .args(["--web.listen-address", "127.0.0.1:0"])
            .arg(format!(
                "--collector.textfile.directory={}",
                textfile.display()
            ));
        let exporter = Server::start(&mut exporter, "");
        let configuration = format!(
            "global: {{ scrape_interval: 100ms, evaluation_interval: 100ms }}\n\
             rule_files: [\"{PROJECT}/packaging/prometheus/alerts.yml\"]\n\
             scrape_configs:\n  - job_name: node\n    static_configs:\n      - targets: [\"{}\"]\n",
            exporter.address
        );
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, configuration).unwrap();
        let mut prometheus = Command::new("prometheus");
        prometheus
            .args(["--web.listen-address", "127.0.0.1:0"])
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ));
        let prometheus = Server::start(&mut prometheus, "Server is ready");
        Monitoring {
            exporter,
            prometheus,
            scrapes: 0,
            folder,
        }
    }

    /// The folder that node_exporter reads.
    pub fn textfile(&self) -> PathBuf {
        self.folder.path().join("textfile")
    }

    /// The process of node_exporter.
    pub fn exporter_id(&self) -> u32 {
        self.exporter.child.id()
    }

    /// Writes the metrics of a database, and returns the file's content when Prometheus has scraped it.
    pub fn scrape(&mut self, db: &Path, options: &[&str]) -> String {
        let file = self.textfile().join("sccache_report.prom");
        let args = [&["metrics", "-o", file.to_str().unwrap()], options].concat();
        let output = run(db, &args);
        assert!(output.status.success(), "{}", err(&output));
        // node_exporter reads the files in alphabetical order.
        self.scrapes += 1;
        let marker = self.textfile().join("marker");
        fs::write(&marker, format!("marker {}\n", self.scrapes)).unwrap();
        fs::rename(marker, self.textfile().join("marker.prom")).unwrap();
        let marked = format!("marker == {}", self.scrapes);
        wait_until("scraped", || !self.query(&marked).is_empty());
        fs::read_to_string(file).unwrap()
    }

    /// Returns the answer of Prometheus's API.
    pub fn api(&self, path: &str) -> Value {
        let answer = self.prometheus.get(&format!("/api/v1/{path}"));
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["status"], "success", "{path}: {answer}");
        answer["data"].clone()
    }

    /// Returns the values of an expression, by name and labels as in the text format.
    pub fn query(&self, expression: &str) -> Series {
        let data = self.api(&format!("query?query={}", encode(expression)));
        let results = data["result"].as_array().unwrap().iter();
        let value = |result: &Value| {
            let value = result["value"][1].as_str().unwrap().parse().unwrap();
            (name(&result["metric"]), value)
        };
        results.map(value).collect()
    }

    /// Returns all values of an expression in the last minute.
    pub fn query_range(&self, expression: &str) -> Vec<f64> {
        let now = chrono::Utc::now().timestamp();
        let query = format!(
            "query_range?query={}&start={}&end={}&step=1",
            encode(expression),
            now - 60,
            now + 1
        );
        let data = self.api(&query);
        let series = data["result"].as_array().unwrap().iter();
        let points = series.flat_map(|series| series["values"].as_array().unwrap());
        points
            .map(|point| point[1].as_str().unwrap().parse().unwrap())
            .collect()
    }
}

/// Returns when `is_done`.
pub fn wait_until(what: &str, mut is_done: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_done() {
        assert!(begin.elapsed() < PATIENCE, "not {what}");
        // The servers need the processor, too.
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Returns the name and labels of a series as `sccache-report metrics` writes them, without those that the
/// scrape adds. The order of labels is that of the alphabet.
fn name(metric: &Value) -> String {
    let metric = metric.as_object().unwrap();
    let labels = metric
        .iter()
        .filter(|(name, _)| !["__name__", "instance", "job"].contains(&name.as_str()))
        .map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>();
    let name = metric
        .get("__name__")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let name = name.strip_prefix("sccache_report_").unwrap_or(name);
    if labels.is_empty() {
        return name.to_string();
    }
    format!("{name}{{{}}}", labels.join(","))
}

pub fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
