//! The audit log of an authority: what its node did in its name, one signed line of JSON a record.
//!
//! ```text
//! line    {"n":7,"time":1700000000000,"prev":"0x..","event":"..",..,"signature":"128 hex digits"}
//! prev    BLAKE3 of the line before without its newline, also across files; zero before the first
//! signed  the line up to `,"signature":`, under the consensus key (Ed25519) with a tag of its own
//! ```
//!
//! Invariants: records are numbered without gaps from the first one on; a file begins with a record
//! `opened` that names chain, operator and key, and every record of the file is signed with that key.
//! A line is durable before the next is written. Whoever has the last line has a commitment to all
//! before it.
//!
//! Bounds: a file that has [`FILE_BYTES_MAX`] bytes is renamed to `audit.log.N`, N being its first
//! record's number in twelve digits, and the newest [`FILES_KEPT`] such files stay. Records that
//! cannot be written wait, 1,024 of them; what is beyond is counted, and the count recorded.
//!
//! What it is not: it does not hold votes (the log of the height and the guard do), nothing that is
//! signed or decided waits for it, and it cannot show that lines at its very end were removed. For
//! that somebody else must know a hash of a line; each is logged, too.

mod check;
mod event;
mod file;
mod line;

#[cfg(test)]
mod tests;

pub use check::{Demands, Summary, files, show, verify};
pub(crate) use event::Event;
pub(crate) use file::Audit;

use std::{io, path::PathBuf};

/// A file is rotated when it has this many bytes.
pub const FILE_BYTES_MAX: u64 = 16 << 20;
/// Files that are kept beside the present one.
pub const FILES_KEPT: usize = 8;
/// Records that wait for a disk.
const WAITING_MAX: usize = 1_024;
/// The present file.
const NAME: &str = "audit.log";
/// No record is as long.
const LINE_BYTES_MAX: usize = 8_192;

/// The audit log cannot be used, or is not what its authority wrote.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A file could not be read, made or renamed.
    #[error("audit log {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A node found its log changed when it started; it left it as it was.
    #[error(
        "audit log {path} is damaged at line {line}: {reason}. Nothing was changed. Check the disk, \
         and who could write there. Then move the file away, and keep it: the node begins another"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first line that is wrong, from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// A line does not verify.
    #[error("{path}, line {line}: {reason}")]
    Fault {
        /// The file.
        path: PathBuf,
        /// The first line that is wrong, from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// There is no log.
    #[error("{path} has no audit log: name an authority's data directory, or files `audit.log*`")]
    Nothing {
        /// The directory.
        path: PathBuf,
    },
    /// No line has the hash that was asked for.
    #[error("no line of the log has the hash {hash}: lines were removed or changed")]
    Missing {
        /// BLAKE3 of a line.
        hash: alloy_primitives::B256,
    },
}
