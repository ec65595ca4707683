//! What the newest snapshot says of its head, for the many readers of one snapshot.
//!
//! A cache of one entry, known by the number that MDBX gives a snapshot: whatever is committed gets
//! a higher one, so nothing is ever invalidated.

use crate::{error::StoreError, reader::Head};
use mfenx_primitives::SealedHeader;
use parking_lot::RwLock;
use std::sync::Arc;

/// The head of a snapshot.
#[derive(Debug)]
pub(crate) struct Latest {
    snapshot: u64,
    pub(crate) head: Head,
    pub(crate) header: SealedHeader,
}

/// The cache.
#[derive(Debug, Default)]
pub(crate) struct LatestCache(RwLock<Option<Arc<Latest>>>);

impl LatestCache {
    /// The head of `snapshot`, which is `read` unless it is known.
    pub(crate) fn of(
        &self,
        snapshot: u64,
        read: impl FnOnce() -> Result<(Head, SealedHeader), StoreError>,
    ) -> Result<Arc<Latest>, StoreError> {
        if let Some(latest) = self.0.read().as_ref().filter(|latest| latest.snapshot == snapshot) {
            return Ok(Arc::clone(latest));
        }
        let (head, header) = read()?;
        let latest = Arc::new(Latest { snapshot, head, header });
        let mut newest = self.0.write();
        // A reader that was opened long ago must not take the place of the newest.
        if newest.as_ref().is_none_or(|newest| newest.snapshot < snapshot) {
            *newest = Some(Arc::clone(&latest));
        }
        Ok(latest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfenx_primitives::Header;

    fn read(number: u64) -> Result<(Head, SealedHeader), StoreError> {
        let header = Header { number, ..Header::default() };
        let header = SealedHeader::new(header);
        Ok((Head { number, hash: header.hash() }, header))
    }

    #[test]
    fn each_snapshot_has_its_own_head_and_the_newest_is_kept() {
        let cache = LatestCache::default();
        assert_eq!(cache.of(7, || read(1)).unwrap().head.number, 1);
        assert_eq!(cache.of(7, || panic!("it is known")).unwrap().head.number, 1);
        assert_eq!(cache.of(9, || read(2)).unwrap().head.number, 2);
        assert_eq!(cache.of(7, || read(1)).unwrap().head.number, 1);
        assert_eq!(cache.of(9, || panic!("it is known")).unwrap().header.number, 2);
        assert!(cache.of(10, || Err(StoreError::NotInitialized)).is_err());
        assert_eq!(cache.of(10, || read(3)).unwrap().head.number, 3);
    }
}
