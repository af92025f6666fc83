//! Metrics with the real Prometheus, promtool, and node_exporter.

#![allow(clippy::too_many_lines, reason = "tables of cases")]

#[path = "../support/mod.rs"]
mod support;

/// The dashboard: its expressions, and its fields.
mod dashboard;
/// promtool on the metrics, the alert rules, and their tests.
mod rules;
/// A scrape has the numbers of the reports.
mod scrape;
/// Starts Prometheus and node_exporter, and queries them.
mod servers;
