//! Durations as people read them, in a unit that a whole column can share.

use super::text::number;

/// The unit down to which a duration is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// `1 h 05 min`, `12 min`
    Minutes,
    /// `3 min 20 s`, `45 s`
    Seconds,
    /// `0.8 s`
    Tenths,
}

impl Unit {
    /// The one that suits the largest of some durations, in seconds.
    pub(super) fn of_largest(seconds: impl IntoIterator<Item = f64>) -> Unit {
        match seconds.into_iter().map(f64::abs).fold(0.0, f64::max) {
            largest if largest >= 599.5 => Unit::Minutes,
            largest if largest >= 9.95 => Unit::Seconds,
            _ => Unit::Tenths,
        }
    }
}

/// Whether a duration in seconds reads as nothing where it stands on its own.
pub(super) fn is_nothing(seconds: f64) -> bool {
    seconds.abs() < 0.05
}

/// A duration of its own, in the unit that suits it: `1 h 05 min`, `-12 min`, `45 s`, `0.8 s`.
pub(super) fn duration(seconds: f64) -> String {
    in_unit(seconds, Unit::of_largest([seconds]))
}

/// A duration in the unit of its column. What was saved never reads `0`, and what was lost keeps its
/// minus, for so little that it reads `-0.0 s`: it says why a package is among those that lose.
pub(super) fn in_unit(seconds: f64, unit: Unit) -> String {
    let minus = if seconds < 0.0 { "-" } else { "" };
    let (step, name) = match unit {
        Unit::Minutes => (60.0, "1 min"),
        Unit::Seconds => (1.0, "1 s"),
        Unit::Tenths => (0.1, "0.1 s"),
    };
    let steps = (seconds.abs() / step).round() as u64;
    if steps == 0 && seconds > 0.0 {
        return format!("<{name}");
    }
    let (whole, part) = (steps / 60, steps % 60);
    match unit {
        Unit::Tenths => format!("{minus}{}.{} s", number(steps / 10), steps % 10),
        Unit::Minutes if whole > 0 => format!("{minus}{} h {part:02} min", number(whole)),
        Unit::Minutes => format!("{minus}{part} min"),
        Unit::Seconds if whole > 0 => format!("{minus}{whole} min {part:02} s"),
        Unit::Seconds => format!("{minus}{part} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_written_in_the_unit_that_suits_it() {
        for (seconds, expected) in [
            (3900.0, "1 h 05 min"),
            (11_400.0, "3 h 10 min"),
            (-720.0, "-12 min"),
            (3_599.0, "1 h 00 min"),
            (200.0, "3 min 20 s"),
            (599.6, "10 min"),
            (45.2, "45 s"),
            (9.96, "10 s"),
            (0.8, "0.8 s"),
            (-0.8, "-0.8 s"),
            (0.0, "0.0 s"),
            (0.01, "<0.1 s"),
            (-0.01, "-0.0 s"),
            (36e6, "10,000 h 00 min"),
        ] {
            assert_eq!(duration(seconds), expected, "{seconds}");
            let nothing = ["0.0 s", "<0.1 s", "-0.0 s"].contains(&expected);
            assert_eq!(is_nothing(seconds), nothing, "{seconds}");
        }
    }

    #[test]
    fn a_column_keeps_one_unit() {
        let unit = Unit::of_largest([3.0, -4000.0]);
        let said = [3.0, -3.0, 0.0, 300.0, -4000.0].map(|seconds| in_unit(seconds, unit));
        assert_eq!(said, ["<1 min", "-0 min", "0 min", "5 min", "-1 h 07 min"]);
    }
}
