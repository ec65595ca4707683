//! Putting proposals' parts together.
//!
//! Bounds: a payload has at most 8 MiB and a proof, an authority at most [`PER_SOURCE_MAX`] payloads
//! in the making, all together at most [`BYTES_MAX`]; the oldest of the same authority gives way.

use super::wire::{CHUNK_BYTES, Part, part_count};
use alloy_primitives::B256;
use bytes::Bytes;
use mfenx_network::PeerId;

const PER_SOURCE_MAX: usize = 3;
const BYTES_MAX: usize = 96 << 20;

#[derive(Debug)]
struct Assembly {
    source: PeerId,
    height: u64,
    hash: B256,
    digest: [u8; 32],
    total: u32,
    parts: Vec<Option<Bytes>>,
    missing: usize,
}

/// What became of a part.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Added {
    /// More parts are missing.
    Waiting,
    /// The payload is complete.
    Complete(Bytes),
    /// The parts do not make the payload that they promised.
    Broken,
    /// There is no room.
    Full,
}

/// Payloads in the making, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Assemblies(Vec<Assembly>);

impl Assemblies {
    /// Forgets what is of heights before `height`.
    pub(super) fn start_height(&mut self, height: u64) {
        self.0.retain(|assembly| assembly.height >= height);
    }

    /// Takes a part that came from an authority.
    pub(super) fn add(&mut self, source: PeerId, part: Part) -> Added {
        let same = |assembly: &Assembly| {
            assembly.source == source
                && assembly.hash == part.hash
                && assembly.digest == part.digest
                && assembly.total == part.total
                && assembly.height == part.height
        };
        let at = match self.0.iter().position(same) {
            Some(at) => at,
            None if self.make_room(source, part.total as usize) => {
                let count = part_count(part.total);
                self.0.push(Assembly {
                    source,
                    height: part.height,
                    hash: part.hash,
                    digest: part.digest,
                    total: part.total,
                    parts: vec![None; count],
                    missing: count,
                });
                self.0.len() - 1
            }
            None => return Added::Full,
        };
        let Some(assembly) = self.0.get_mut(at) else { return Added::Full };
        if let Some(place @ None) = assembly.parts.get_mut(usize::from(part.index)) {
            *place = Some(part.data);
            assembly.missing -= 1;
        }
        if assembly.missing > 0 {
            return Added::Waiting;
        }
        self.0.remove(at).finish()
    }

    fn make_room(&mut self, source: PeerId, bytes: usize) -> bool {
        let of_source = self.0.iter().filter(|assembly| assembly.source == source).count();
        if of_source >= PER_SOURCE_MAX
            && let Some(oldest) = self.0.iter().position(|assembly| assembly.source == source)
        {
            self.0.remove(oldest);
        }
        let used: usize = self.0.iter().map(|assembly| assembly.total as usize).sum();
        used + bytes <= BYTES_MAX
    }
}

impl Assembly {
    fn finish(self) -> Added {
        let mut parts = self.parts.into_iter().flatten();
        let payload = match (self.total as usize <= CHUNK_BYTES, parts.next()) {
            (true, Some(only)) => only,
            (_, first) => {
                let mut payload = Vec::with_capacity(self.total as usize);
                first.into_iter().chain(parts).for_each(|part| payload.extend_from_slice(&part));
                payload.into()
            }
        };
        if *blake3::hash(&payload).as_bytes() == self.digest {
            Added::Complete(payload)
        } else {
            Added::Broken
        }
    }
}
