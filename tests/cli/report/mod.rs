//! What `sccache-report` prints.

/// The advice of `advise`, for people and for scripts.
mod advise;
/// Why compilations missed.
mod explain;
/// Every report on terminals of several widths and in several time zones.
mod golden;
/// Reports on the builds of several hosts.
mod hosts;
/// The page of `html`: its texts, and where it is written.
mod html;
/// The page of `html` has the numbers of the other reports.
mod html_numbers;
/// How large the HTML page is.
mod html_size;
/// The values of the metrics for Prometheus.
mod metrics;
/// The file of the metrics: how it is replaced, and the cron line.
mod metrics_file;
/// The period of the overview, and the filters.
mod overview;
/// The reports as text, and exit statuses.
#[expect(clippy::module_inception, reason = "the basic tests of the reports")]
mod report;
/// Rows that no report can read, and damaged pages.
mod report_bad_rows;
/// `--columns` and `--limit`, the same in every format.
mod report_columns;
/// JSON, CSV, and TSV keep the contract.
mod report_data;
/// Errors name the cause and the next step.
mod report_errors;
/// Tables on narrow terminals.
mod report_narrow;
/// A report reads no more than it needs.
mod report_reads;
/// What stable paths gained or would gain, in every report that tells it.
mod stable_paths;
