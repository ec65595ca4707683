//! `mfenx audit`: the log that an authority keeps of what it did, looked at by anybody.

use crate::error::NodeError;
use alloy_primitives::B256;
use mfenx_engine::audit::{Demands, files, show, verify};
use std::path::{Path, PathBuf};

/// Checks every line and signature; what to say of a log that holds. `contains` is the hash of a line
/// that must be in it.
///
/// # Errors
/// The first line that is wrong, or why nothing could be read.
pub fn verify_audit(
    paths: &[PathBuf],
    key: Option<B256>,
    contains: Option<B256>,
) -> Result<String, NodeError> {
    let summary = verify(&all(paths)?, Demands { key, contains })?;
    let [first, last] = [summary.times.0, summary.times.1].map(time);
    let mut text = format!(
        "{} records hold, {} to {} in {} files\nFrom        {first}\nTo          {last}\nLast line   {}",
        summary.last - summary.first + 1,
        summary.first,
        summary.last,
        summary.files,
        summary.hash
    );
    for signer in &summary.keys {
        text.push_str(&format!("\nSigned by   {signer}"));
    }
    if summary.first > 0 {
        text.push_str("\nEarlier records are not in these files.");
    }
    if key.is_none() {
        text.push_str("\nCompare the key with the registry's (`mfenx authorities list --json`), or name it with --key.");
    }
    Ok(text)
}

/// Gives every line in order, unchecked; for people, with its time in words before it.
///
/// # Errors
/// There is no log, or it cannot be read.
pub fn show_audit(
    paths: &[PathBuf],
    json: bool,
    mut line: impl FnMut(&str),
) -> Result<(), NodeError> {
    Ok(show(&all(paths)?, |at, text| match at {
        _ if json => line(text),
        Some(at) => line(&printable(&readable(at, text))),
        None => line(&printable(text)),
    })?)
}

fn all(paths: &[PathBuf]) -> Result<Vec<PathBuf>, NodeError> {
    let mut found = Vec::new();
    for path in paths {
        found.extend(files(Path::new(path))?);
    }
    Ok(found)
}

/// Time, number, and what happened, without links and signature.
fn readable(at: u64, text: &str) -> String {
    let mut value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let Some(fields) = value.as_object_mut() else { return text.to_owned() };
    let mut take = |name: &str| fields.remove(name).unwrap_or_default();
    let (number, event) = (take("n").as_u64().unwrap_or_default(), take("event"));
    for name in ["time", "prev", "signature"] {
        take(name);
    }
    let mut line = format!("{} {number:>6} {}", time(at), event.as_str().unwrap_or_default());
    for (name, value) in fields {
        line.push_str(&format!(" {name}={value}"));
    }
    line
}

/// Without control characters, which would be a terminal's: a log may be anybody's.
fn printable(text: &str) -> String {
    let escaped =
        |it: char| if it.is_control() { it.escape_unicode().collect() } else { it.to_string() };
    text.chars().map(escaped).collect()
}

/// UTC as RFC 3339 writes it, from milliseconds since the Unix epoch.
fn time(ms: u64) -> String {
    const DAY: u64 = 86_400;
    let (seconds, ms) = (ms / 1_000, ms % 1_000);
    let (days, second) = (seconds / DAY, seconds % DAY);
    // Days are counted from 1 March of the year 0 (proleptic Gregorian), so that leap days are last:
    // "chrono-Compatible Low-Level Date Algorithms", Howard Hinnant.
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_700_000_000_123, "2023-11-14T22:13:20.123Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(time(ms), text);
        }
    }

    #[test]
    fn a_line_is_shown_without_what_only_programs_need() {
        let line =
            r#"{"n":3,"time":0,"prev":"0x00","event":"stopped","reason":null,"signature":"aa"}"#;
        assert_eq!(readable(0, line), "1970-01-01T00:00:00.000Z      3 stopped reason=null");
        assert_eq!(readable(0, "no record"), "no record");
        assert_eq!(printable("a\u{1b}[2Jb\u{9b}c\té"), r"a\u{1b}[2Jb\u{9b}c\u{9}é");
    }
}
