//! Comma- or tab-separated values, with a header and full precision. What is unknown
//! is empty.
//!
//! Quoted is what RFC 4180 has quoted, tabs or not. Written by hand: of very many rows, most of
//! the time goes into this.

use std::io::{self, Write};

use chrono::{DateTime, Datelike, SecondsFormat, Timelike, Utc};

use super::super::sheet::{Column, Sheet, Value};
use super::Output;

pub(super) struct Separated {
    pub(super) by: u8,
}

impl Output for Separated {
    fn write<R: 'static>(&self, sheet: &Sheet<R>, out: &mut dyn Write) -> io::Result<()> {
        let mut lines = Lines::new(self.by, &sheet.columns);
        sheet.rows.iter().for_each(|row| lines.add(row));
        out.write_all(&lines.text)
    }
}

/// Rows of these columns, one after the other.
pub(in super::super) struct Lines<'a, R> {
    pub(in super::super) text: Vec<u8>,
    by: u8,
    columns: Vec<&'a Column<R>>,
}

impl<'a, R: 'static> Lines<'a, R> {
    /// With the header.
    pub(super) fn new(by: u8, columns: &'a [Column<R>]) -> Self {
        let data = { columns.iter() }.filter(|column| column.data && !column.nested);
        let columns: Vec<_> = data.collect();
        let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
        let header = names.join(&*char::from(by).to_string()) + "\n";
        Lines {
            text: header.into_bytes(),
            by,
            columns,
        }
    }

    pub(in super::super) fn add(&mut self, row: &R) {
        let begin = self.text.len();
        for (index, column) in self.columns.iter().enumerate() {
            if index > 0 {
                self.text.push(self.by);
            }
            add_field((column.value)(row), self.by, &mut self.text);
        }
        if self.text.len() == begin {
            self.text.extend(b"\"\""); // an empty line would be no row
        }
        self.text.push(b'\n');
    }
}

fn add_field(value: Value<'_>, by: u8, line: &mut Vec<u8>) {
    match value {
        Value::Unknown | Value::Nested(_) => {}
        Value::Count(n) => line.extend_from_slice(itoa::Buffer::new().format(n).as_bytes()),
        Value::Rate(number) | Value::Seconds(number) => add_number(number, line),
        Value::Text(text) => add_text(text.as_bytes(), by, line),
        Value::Id(id) => {
            let mut buffer = uuid::Uuid::encode_buffer();
            line.extend_from_slice(id.hyphenated().encode_lower(&mut buffer).as_bytes());
        }
        Value::Time(time) => add_time(time, line),
    }
}

fn add_text(text: &[u8], by: u8, line: &mut Vec<u8>) {
    let special = |byte: u8| matches!(byte, b'"' | b'\n' | b'\r') || byte == by;
    // All of them, not up to the first: so several are looked at in one step.
    if !text.iter().fold(false, |any, byte| any | special(*byte)) {
        return line.extend_from_slice(text);
    }
    line.push(b'"');
    for byte in text {
        line.push(*byte);
        if *byte == b'"' {
            line.push(b'"');
        }
    }
    line.push(b'"');
}

/// The shortest decimal that is this number, without an exponent.
fn add_number(number: f64, line: &mut Vec<u8>) {
    // Beyond these, zmij would write an exponent.
    if number != 0.0 && !(1e-4..1e15).contains(&number.abs()) {
        return line.extend_from_slice(number.to_string().as_bytes());
    }
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(number);
    line.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
}

/// RFC 3339, in UTC, with as many digits after the seconds as it needs: none, three or six.
fn add_time(time: DateTime<Utc>, line: &mut Vec<u8>) {
    let time = time.naive_utc();
    let (year, nanos) = (time.year(), time.nanosecond());
    if !(0..=9999).contains(&year) || nanos >= 1_000_000_000 || nanos % 1000 != 0 {
        let text = time.and_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true);
        return line.extend_from_slice(text.as_bytes());
    }
    let (year, micros) = (year as u32, nanos / 1000);
    let pairs = [
        (0, year / 100),
        (2, year % 100),
        (5, time.month()),
        (8, time.day()),
        (11, time.hour()),
        (14, time.minute()),
        (17, time.second()),
        (20, micros / 10_000),
        (22, micros / 100 % 100),
        (24, micros % 100),
    ];
    let mut text = *b"0000-00-00T00:00:00.000000";
    for (at, number) in pairs {
        text[at] += (number / 10) as u8;
        text[at + 1] += (number % 10) as u8;
    }
    let end = match micros {
        0 => 19,
        _ if micros.is_multiple_of(1000) => 23,
        _ => 26,
    };
    line.extend_from_slice(&text[..end]);
    line.push(b'Z');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(value: Value<'_>) -> String {
        let mut line = Vec::new();
        add_field(value, b'\t', &mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn times_and_numbers_are_what_chrono_and_the_standard_library_write() {
        let seconds = [
            -62_167_219_200,
            -62_167_219_201,
            -1,
            0,
            951_782_399,
            253_402_300_800,
        ];
        let nanos = [0, 1000, 20_000_000, 120_000_000, 999_999_000, 999_999_999];
        for (second, nano) in { seconds.iter() }.flat_map(|s| nanos.map(|n| (*s, n))) {
            let time = DateTime::from_timestamp(second, nano).unwrap();
            let chronos = time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
            assert_eq!(field(Value::Time(time)), chronos);
        }
        let numbers = [
            0.0,
            -0.5,
            1.0,
            1.0 / 3.0,
            -971.866133,
            1e-9,
            1e-4,
            99e13,
            123456789012345680.0,
            f64::NAN,
            1e300,
        ];
        for number in numbers {
            assert_eq!(field(Value::Rate(number)), number.to_string());
        }
    }

    #[test]
    fn what_would_end_a_field_is_quoted() {
        let text = |text: &'static str| field(Value::text(text));
        assert_eq!(text("a, 'b'"), "a, 'b'");
        assert_eq!(text("a\tb"), "\"a\tb\"");
        assert_eq!(text("a\n\"b\"\r"), "\"a\n\"\"b\"\"\r\"");
    }
}
