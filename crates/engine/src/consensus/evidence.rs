//! Where proofs of equivocation are kept: one line of hexadecimal digits each, in `evidence`.

use mfenx_consensus::Evidence;
use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::Path,
};

/// A liar can make evidence without end; more than this proves nothing more.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Appends evidence to the file, durably.
pub(super) fn keep(directory: &Path, evidence: &Evidence) -> io::Result<()> {
    let path = directory.join("evidence");
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    if file.metadata()?.len() >= FILE_BYTES_MAX {
        return Ok(());
    }
    writeln!(file, "{}", alloy_primitives::hex::encode(evidence.encode()))?;
    file.sync_data()
}
