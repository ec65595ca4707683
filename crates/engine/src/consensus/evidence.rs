//! Proofs that an authority signed two messages of which it may sign one: kept in the file
//! `evidence`, one line of hexadecimal digits each with a checksum, in the order in which they came.
//! They were verified before they were kept. A line that is damaged is left out: whoever passed it on
//! would look like a liar.
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
    sync::Arc,
};
use tokio::sync::watch;

const PER_OPERATOR_MAX: usize = 16;
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The proofs that this node keeps.
#[derive(Debug)]
pub(super) struct Proofs {
    path: PathBuf,
    kept: watch::Sender<Arc<Vec<Evidence>>>,
    /// Digests of their encodings.
    known: HashSet<[u8; 32]>,
    counts: BTreeMap<Operator, usize>,
    /// Whether the file ends in the middle of a line, which a write that was cut off leaves.
    torn: bool,
}

impl Proofs {
    /// Reads what `directory` has. A file that cannot be read, or a line of it, is no reason not to
    /// run: it is left as it is.
    pub(super) fn open(directory: &Path) -> Self {
        let path = directory.join("evidence");
        let mut proofs = Self {
            path,
            kept: watch::Sender::default(),
            known: HashSet::new(),
            counts: BTreeMap::new(),
            torn: false,
        };
        let bytes = match fs::read(&proofs.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return proofs,
            Err(error) => {
                tracing::warn!(%error, path = %proofs.path.display(), "evidence is not readable");
                return proofs;
            }
        };
        proofs.torn = bytes.last().is_some_and(|last| *last != b'\n');
        let mut kept = Vec::new();
        for line in String::from_utf8_lossy(&bytes).lines() {
            match read_line(line) {
                Some(found) if proofs.remember(&found) => kept.push(found),
                Some(_) => {}
                None => {
                    tracing::warn!(path = %proofs.path.display(), "a line is damaged, or no evidence");
                }
            }
        }
        proofs.kept.send_replace(Arc::new(kept));
        proofs
    }

    /// All proofs, oldest first.
    pub(super) fn kept(&self) -> Arc<Vec<Evidence>> {
        Arc::clone(&self.kept.borrow())
    }

    /// The same, now and whenever one is added.
    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<Vec<Evidence>>> {
        self.kept.subscribe()
    }

    /// Whether this proof would be kept: it is new, and there is room.
    pub(super) fn lack(&self, found: &Evidence) -> bool {
        let count = self.counts.get(&found.operator()).copied().unwrap_or(0);
        count < PER_OPERATOR_MAX && !self.known.contains(&found.digest())
    }

    /// Keeps a proof, durably; whether it did not have it. Blocking, and rarely.
    ///
    /// # Errors
    /// The file cannot be written: the proof is known until the node stops.
    pub(super) fn keep(&mut self, found: &Evidence) -> io::Result<bool> {
        if !self.lack(found) {
            return Ok(false);
        }
        self.remember(found);
        self.kept.send_modify(|kept| Arc::make_mut(kept).push(found.clone()));
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        if file.metadata()?.len() >= FILE_BYTES_MAX {
            return Ok(false);
        }
        let end = if self.torn { "\n" } else { "" };
        self.torn = true;
        file.write_all(format!("{end}{}\n", write_line(found)).as_bytes())?;
        file.sync_data()?;
        self.torn = false;
        Ok(true)
    }

    fn remember(&mut self, found: &Evidence) -> bool {
        let new = self.known.insert(found.digest());
        if new {
            *self.counts.entry(found.operator()).or_default() += 1;
        }
        new
    }
}

/// The encoding and the first half of its digest.
fn write_line(found: &Evidence) -> String {
    let [bytes, digest] = [found.encode().as_slice(), &found.digest()].map(hex::encode);
    format!("{bytes} {}", digest.get(..32).unwrap_or_default())
}

fn read_line(line: &str) -> Option<Evidence> {
    let (bytes, _) = line.split_once(' ')?;
    let found = Evidence::decode(&hex::decode(bytes).ok()?).ok()?;
    (write_line(&found) == line).then_some(found)
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
    fn a_write_that_was_cut_off_does_not_spoil_the_next() {
        let spec = spec(1, Quorum::Majority, 1_000);
        let directory = tempfile::tempdir().unwrap();
        let [first, second] = [7, 8].map(|height| evidence_against(&spec, &keys(0), height));
        let mut proofs = Proofs::open(directory.path());
        proofs.keep(&first).unwrap();
        let whole = fs::read(&proofs.path).unwrap();
        fs::write(&proofs.path, &whole[..whole.len() - 9]).unwrap();
        let mut again = Proofs::open(directory.path());
        assert!(again.lack(&first), "half a line proves nothing");
        assert!(again.keep(&second).unwrap() && again.keep(&first).unwrap());
        assert_eq!(*Proofs::open(directory.path()).kept(), [second, first]);
    }

    #[test]
    fn a_digit_that_changed_is_noticed() {
        let spec = spec(1, Quorum::Majority, 1_000);
        let directory = tempfile::tempdir().unwrap();
        let mut proofs = Proofs::open(directory.path());
        let [damaged, sound] = [7, 8].map(|height| evidence_against(&spec, &keys(0), height));
        assert!(proofs.keep(&damaged).unwrap() && proofs.keep(&sound).unwrap());
        let mut bytes = fs::read(&proofs.path).unwrap();
        let length = bytes.iter().position(|byte| *byte == b' ').unwrap();
        for place in [length / 2, length - 1, length + 1] {
            let digit = bytes[place];
            bytes[place] = if digit == b'0' { b'1' } else { b'0' };
            fs::write(&proofs.path, &bytes).unwrap();
            assert_eq!(Proofs::open(directory.path()).kept().len(), 1, "at {place}");
            bytes[place] = digit;
        }
        fs::write(&proofs.path, &bytes).unwrap();
        assert_eq!(*Proofs::open(directory.path()).kept(), [damaged, sound]);
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
