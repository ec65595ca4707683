//! Whether files are what their authority wrote.

use super::{
    AuditError, FILE_BYTES_MAX, LINE_BYTES_MAX, NAME,
    event::Opened,
    line::{Line, hash},
};
use alloy_primitives::B256;
use mfenx_consensus::PublicKey;
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

const FORMAT: u32 = 1;

/// Which signatures are verified. The last one covers all lines before it through their hashes; each
/// for itself says which line is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signatures {
    All,
    FirstAndLast,
}

/// What one file holds, whose lines fit each other.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) opened: Opened,
    /// Number of the first record, and what it is linked to.
    pub(super) first: u64,
    pub(super) prev: B256,
    /// Number of the record after the last, and what it must be linked to.
    pub(super) next: u64,
    pub(super) last: B256,
    times: (u64, u64),
}

/// A line, from 1, and what is wrong with it.
pub(super) type Wrong = (u64, String);

/// The bytes of a log; `None` when there is no file.
pub(super) fn read(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, AuditError> {
    let failed = |source| AuditError::File { path: path.into(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    // The last record of a file begins below the bound.
    let bytes_max = bytes_max + 2 * LINE_BYTES_MAX as u64;
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > bytes_max {
        return Err(failed(io::Error::other("it is too long to be an audit log")));
    }
    Ok(Some(bytes))
}

/// Splits what a write that was cut off has left from the whole lines before it.
pub(super) fn split_torn(bytes: &[u8]) -> (&[u8], &[u8]) {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    bytes.split_at(whole)
}

/// Checks whole lines against each other; none when there are none. `see` is told the hash of each.
pub(super) fn check_lines(
    lines: &[u8],
    signatures: Signatures,
    mut see: impl FnMut(B256),
) -> Result<Option<Checked>, Wrong> {
    let mut checked: Option<(Checked, PublicKey)> = None;
    let mut lines = lines.split_inclusive(|byte| *byte == b'\n').zip(1_u64..).peekable();
    while let Some((line, number)) = lines.next() {
        let wrong = |reason: &str| (number, reason.to_owned());
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let record = Line::read(line).map_err(|reason| (number, reason))?;
        let (place, hash) = (&record.place, hash(line));
        let (file, key) = match &mut checked {
            None => {
                let (opened, key) = opening(line).map_err(|reason| wrong(&reason))?;
                let (first, prev) = (place.n, place.prev);
                let times = (place.time, place.time);
                let file = Checked { opened, first, prev, next: first, last: prev, times };
                checked.insert((file, key))
            }
            Some(_) if place.event == "opened" => {
                return Err(wrong("a second beginning in one file"));
            }
            Some(checked) => checked,
        };
        let is_end = number == 1 || lines.peek().is_none();
        if (signatures == Signatures::All || is_end) && !record.is_signed_by(key) {
            return Err(wrong("the signature is not that of the key in the first line"));
        }
        if place.n != file.next {
            let reason = format!("it has number {}, and {} comes next", place.n, file.next);
            return Err(wrong(&reason));
        }
        if place.prev != file.last {
            return Err(wrong(
                "it does not follow the line before: that one was changed, or lines are missing",
            ));
        }
        (file.next, file.last, file.times.1) = (place.n.saturating_add(1), hash, place.time);
        see(hash);
    }
    Ok(checked.map(|(file, _)| file))
}

fn opening(line: &[u8]) -> Result<(Opened, PublicKey), String> {
    let no = |_| "the first line does not say whose log this is".to_owned();
    let value: serde_json::Value = serde_json::from_slice(line).map_err(no)?;
    if value.get("event").and_then(|event| event.as_str()) != Some("opened") {
        return Err("the first line does not say whose log this is".into());
    }
    let opened: Opened = serde_json::from_value(value).map_err(no)?;
    if opened.format != FORMAT {
        return Err(format!("format {} is not known to this version", opened.format));
    }
    let key = PublicKey::from_bytes(&opened.key.0).map_err(|error| format!("its key: {error}"))?;
    Ok((opened, key))
}

/// What a log must satisfy besides.
#[derive(Debug, Clone, Copy, Default)]
pub struct Demands {
    /// The consensus key that signed all of it.
    pub key: Option<B256>,
    /// The hash of a line that is in it.
    pub contains: Option<B256>,
}

/// A log that verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// How many files.
    pub files: usize,
    /// Number of the first record; above 0 when earlier files were removed.
    pub first: u64,
    /// Number of the last record.
    pub last: u64,
    /// Hash of the last line: a commitment to all of it.
    pub hash: B256,
    /// Times of the first and the last record, in milliseconds since the Unix epoch.
    pub times: (u64, u64),
    /// Consensus keys that signed it.
    pub keys: Vec<B256>,
}

/// The files of the log that `path` names: a file, the data directory of an authority, or its
/// directory `consensus`. In no order.
///
/// # Errors
/// There are none, or the directory cannot be read.
pub fn files(path: &Path) -> Result<Vec<PathBuf>, AuditError> {
    if path.is_file() {
        return Ok(vec![path.into()]);
    }
    for directory in [path.join("consensus"), path.into()] {
        let found = of_directory(&directory)?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Err(AuditError::Nothing { path: path.into() })
}

/// Rotated files, oldest first, and then the present one.
pub(super) fn of_directory(directory: &Path) -> Result<Vec<PathBuf>, AuditError> {
    let failed = |source| AuditError::File { path: directory.into(), source };
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = BTreeSet::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        let rest = name.strip_prefix(NAME);
        let rotated = rest.and_then(|rest| rest.strip_prefix('.'));
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        if rotated.is_some_and(|digits| digits.len() == 12 && is_number(digits)) {
            names.insert(name);
        }
    }
    let mut files: Vec<_> = names.into_iter().map(|name| directory.join(name)).collect();
    let present = directory.join(NAME);
    if present.is_file() {
        files.push(present);
    }
    Ok(files)
}

/// Checks every line and every signature of one log, in one or several files.
///
/// # Errors
/// [`AuditError::Fault`] names the first line that is wrong; the others what cannot be read or found.
pub fn verify(paths: &[PathBuf], demands: Demands) -> Result<Summary, AuditError> {
    let mut contained = demands.contains.is_none();
    let mut parts = Vec::new();
    for path in paths {
        let fault = |(line, reason)| AuditError::Fault { path: path.clone(), line, reason };
        let bytes = read(path, FILE_BYTES_MAX)?;
        let missing = || AuditError::File { path: path.clone(), source: no_file() };
        let bytes = bytes.ok_or_else(missing)?;
        let (lines, torn) = split_torn(&bytes);
        let see = |hash| contained |= demands.contains == Some(hash);
        let checked = check_lines(lines, Signatures::All, see).map_err(fault)?;
        if !torn.is_empty() {
            let line = lines.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
            let reason = "it is unfinished. A node that runs may be writing it: look again. One that \
                          was killed cuts it off at its next start, and records that";
            return Err(fault((line, reason.into())));
        }
        if let Some(checked) = checked {
            if demands.key.is_some_and(|key| key != checked.opened.key) {
                let reason = format!("it is signed with the key {}", checked.opened.key);
                return Err(fault((1, reason)));
            }
            parts.push((path, checked));
        }
    }
    parts.sort_by_key(|(_, checked)| checked.first);
    let summary = link(&parts)?;
    match demands.contains {
        Some(hash) if !contained => Err(AuditError::Missing { hash }),
        _ => summary.ok_or_else(|| AuditError::Nothing {
            path: paths.first().cloned().unwrap_or_default(),
        }),
    }
}

/// Checks that files follow each other; what they are together.
fn link(parts: &[(&PathBuf, Checked)]) -> Result<Option<Summary>, AuditError> {
    let mut summary: Option<Summary> = None;
    for (path, file) in parts {
        let Some(sum) = &mut summary else {
            let fault = |reason| AuditError::Fault { path: (*path).clone(), line: 1, reason };
            if file.first == 0 && file.prev != B256::ZERO {
                return Err(fault("record 0 follows another".to_owned()));
            }
            summary = Some(Summary {
                files: 1,
                first: file.first,
                last: file.next.saturating_sub(1),
                hash: file.last,
                times: file.times,
                keys: vec![file.opened.key],
            });
            continue;
        };
        if (file.first, file.prev) != (sum.last.saturating_add(1), sum.hash) {
            let reason = format!(
                "the file does not follow record {}: a file is missing, or they are of two logs",
                sum.last
            );
            return Err(AuditError::Fault { path: (*path).clone(), line: 1, reason });
        }
        sum.files += 1;
        (sum.last, sum.hash) = (file.next.saturating_sub(1), file.last);
        sum.times.1 = file.times.1;
        if !sum.keys.contains(&file.opened.key) {
            sum.keys.push(file.opened.key);
        }
    }
    Ok(summary)
}

/// Gives every line of the files in order, unchecked, with the time of its record where it has one.
///
/// # Errors
/// A file cannot be read.
pub fn show(paths: &[PathBuf], mut line: impl FnMut(Option<u64>, &str)) -> Result<(), AuditError> {
    for path in paths {
        let missing = || AuditError::File { path: path.clone(), source: no_file() };
        let bytes = read(path, FILE_BYTES_MAX)?.ok_or_else(missing)?;
        for text in String::from_utf8_lossy(&bytes).lines() {
            let time = Line::read(text.as_bytes()).ok().map(|line| line.place.time);
            line(time, text);
        }
    }
    Ok(())
}

fn no_file() -> io::Error {
    io::ErrorKind::NotFound.into()
}
