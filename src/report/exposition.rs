//! The text format of Prometheus (version 0.0.4), as node_exporter's textfile collector reads it.

use std::fmt::Write;

/// The beginning of every name.
const PREFIX: &str = "sccache_report_";

/// What a number means to Prometheus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows.
    Counter,
    Gauge,
}

/// One number and its labels.
pub(super) struct Sample<'a> {
    labels: Vec<(&'static str, &'a str)>,
    value: f64,
}

impl<'a> Sample<'a> {
    pub(super) fn new(value: f64) -> Self {
        let labels = Vec::new();
        Self { labels, value }
    }

    pub(super) fn label(mut self, name: &'static str, value: &'a str) -> Self {
        self.labels.push((name, value));
        self
    }
}

/// A file with metrics.
#[derive(Default)]
pub(super) struct Exposition {
    text: String,
}

impl Exposition {
    /// Adds a metric. Without samples, nothing is added: its value is unknown.
    pub(super) fn add<'a>(
        &mut self,
        kind: Kind,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = Sample<'a>>,
    ) {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        self.text += &format!("# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}\n");
        for sample in samples {
            let labels = sample.labels.iter();
            let labels = labels.map(|(name, value)| format!("{name}=\"{}\"", escape(value)));
            let labels = labels.collect::<Vec<_>>().join(",");
            let labels = if labels.is_empty() {
                labels
            } else {
                format!("{{{labels}}}")
            };
            // Writing to a string never fails.
            let _ = writeln!(self.text, "{PREFIX}{name}{labels} {}", sample.value);
        }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// Escapes what ends a label's value in the format.
fn escape(value: &str) -> String {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
    escaped.replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_plain_numbers_and_labels_are_escaped() {
        let mut file = Exposition::default();
        let odd = Sample::new(-0.000_001)
            .label("a", "C:\\ \"x\"\ny")
            .label("b", "C/C++");
        file.add(Kind::Gauge, "x_seconds", "Seconds.", [odd]);
        file.add(Kind::Counter, "y_total", "Calls.", [Sample::new(1e15)]);
        file.add(Kind::Gauge, "unknown", "Nothing.", []);
        let expected = "# HELP sccache_report_x_seconds Seconds.\n\
            # TYPE sccache_report_x_seconds gauge\n\
            sccache_report_x_seconds{a=\"C:\\\\ \\\"x\\\"\\ny\",b=\"C/C++\"} -0.000001\n\
            # HELP sccache_report_y_total Calls.\n\
            # TYPE sccache_report_y_total counter\n\
            sccache_report_y_total 1000000000000000\n";
        assert_eq!(file.into_text(), expected);
    }
}
