//! Proofs that an authority signed two messages of which it may sign one: kept in the file
//! `evidence`, one line of hexadecimal digits each, and passed on, so that every authority has them
//! whoever noticed.
//!
//! Bounds: a liar can make proofs without end, and more prove nothing more. [`PER_OPERATOR_MAX`] are
//! kept against one authority, [`FILE_BYTES_MAX`] in all; what is beyond is not passed on either.

use alloy_primitives::hex;
use mfenx_consensus::{Evidence, Operator};
use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

const PER_OPERATOR_MAX: usize = 16;
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The proofs that this node keeps.
#[derive(Debug)]
pub(super) struct Proofs {
    path: PathBuf,
    /// BLAKE3 of their encodings.
    known: HashSet<[u8; 32]>,
    counts: BTreeMap<Operator, usize>,
}

impl Proofs {
    /// Reads what `directory` has. A file that cannot be read, or a line of it, is no reason not to
    /// run: it is left as it is.
    pub(super) fn open(directory: &Path) -> Self {
        let path = directory.join("evidence");
        let mut proofs = Self { path, known: HashSet::new(), counts: BTreeMap::new() };
        let text = match fs::read_to_string(&proofs.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return proofs,
            Err(error) => {
                tracing::warn!(%error, path = %proofs.path.display(), "evidence is not readable");
                return proofs;
            }
        };
        for line in text.lines() {
            let bytes = hex::decode(line).ok();
            match bytes.and_then(|bytes| Evidence::decode(&bytes).ok()) {
                Some(found) => proofs.remember(&found),
                None => tracing::warn!(path = %proofs.path.display(), "a line is no evidence"),
            }
        }
        proofs
    }

    /// Whether this proof would be kept: it is new, and there is room.
    pub(super) fn lack(&self, found: &Evidence) -> bool {
        let count = self.counts.get(&found.operator()).copied().unwrap_or(0);
        count < PER_OPERATOR_MAX && !self.known.contains(&digest(found))
    }

    /// Keeps a proof, durably; whether it did not have it. Blocking, and rarely.
    pub(super) fn keep(&mut self, found: &Evidence) -> io::Result<bool> {
        if !self.lack(found) {
            return Ok(false);
        }
        self.remember(found);
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        if file.metadata()?.len() >= FILE_BYTES_MAX {
            return Ok(false);
        }
        writeln!(file, "{}", hex::encode(found.encode()))?;
        file.sync_data()?;
        Ok(true)
    }

    fn remember(&mut self, found: &Evidence) {
        if self.known.insert(digest(found)) {
            *self.counts.entry(found.operator()).or_default() += 1;
        }
    }
}

fn digest(found: &Evidence) -> [u8; 32] {
    *blake3::hash(&found.encode()).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{evidence_against, keys, spec};
    use super::*;
    use mfenx_primitives::Quorum;

    #[test]
    fn proofs_are_kept_once_and_found_again() {
        let spec = spec(1, Quorum::Majority, 1_000);
        let directory = tempfile::tempdir().unwrap();
        let found = evidence_against(&spec, &keys(0), 7);
        let mut proofs = Proofs::open(directory.path());
        assert!(proofs.keep(&found).unwrap());
        assert!(!proofs.keep(&found).unwrap());
        fs::write(
            &proofs.path,
            fs::read_to_string(&proofs.path).unwrap() + "nothing that anybody wrote\n",
        )
        .unwrap();
        let mut again = Proofs::open(directory.path());
        assert!(!again.lack(&found));
        assert!(again.keep(&evidence_against(&spec, &keys(0), 8)).unwrap());
    }

    #[test]
    fn a_liar_does_not_fill_the_file() {
        let spec = spec(2, Quorum::Majority, 1_000);
        let directory = tempfile::tempdir().unwrap();
        let mut proofs = Proofs::open(directory.path());
        for height in 0..2 * PER_OPERATOR_MAX as u64 {
            proofs.keep(&evidence_against(&spec, &keys(0), height)).unwrap();
        }
        assert!(
            proofs.lack(&evidence_against(&spec, &keys(1), 1)),
            "another's count for themselves"
        );
        let text = fs::read_to_string(&proofs.path).unwrap();
        assert_eq!(text.lines().count(), PER_OPERATOR_MAX);
    }
}
