//! Memory for bodies that are on their way.

use hyper::body::{Body, Incoming};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bodies up to this length (in bytes) need no permission: connections are bounded, and so are these.
/// A deployment of the largest contract is a third of it.
pub(crate) const SMALL_BYTES: u64 = 256 * 1_024;
/// The unit in which space is given out, in bytes.
const UNIT_BYTES: u64 = 1_024;

/// Space for the long bodies of all connections together. A body that finds none is not read, so
/// its sender is slowed down by TCP.
#[derive(Debug)]
pub(crate) struct BodySpace {
    free: Arc<Semaphore>,
    units_max: u32,
}

impl BodySpace {
    /// Space for so many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        let units = (bytes as u64 / UNIT_BYTES).clamp(1, u64::from(u32::MAX >> 4)) as u32;
        Self { free: Arc::new(Semaphore::new(units as usize)), units_max: units }
    }

    /// Waits for room for `body`; none when there was none in time. The room is given back when
    /// what is returned is dropped.
    pub(crate) async fn take(&self, body: &Incoming, time_max: Duration) -> Option<Room> {
        // One of unknown length is not allowed to be long.
        self.take_bytes(body.size_hint().upper().unwrap_or(0), time_max).await
    }

    async fn take_bytes(&self, bytes: u64, time_max: Duration) -> Option<Room> {
        if bytes <= SMALL_BYTES {
            return Some(Room { _permit: None });
        }
        tokio::time::timeout(time_max, self.room(bytes)).await.ok()?
    }

    /// Waits for room for so many bytes, however few; none is never the answer as long as the node
    /// runs.
    pub(crate) async fn room(&self, bytes: u64) -> Option<Room> {
        let units = bytes.div_ceil(UNIT_BYTES).min(u64::from(self.units_max)) as u32;
        let permit = Arc::clone(&self.free).acquire_many_owned(units).await;
        permit.ok().map(|permit| Room { _permit: Some(permit) })
    }
}

/// Room for one body, until it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Room {
    _permit: Option<OwnedSemaphorePermit>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn long_bodies_wait_for_each_other_and_short_ones_for_nobody() {
        let space = BodySpace::new(10 << 20);
        let time = Duration::from_millis(20);
        let first = space.take_bytes(9 << 20, time).await;
        assert!(first.is_some());
        assert!(space.take_bytes(9 << 20, time).await.is_none());
        assert!(space.take_bytes(SMALL_BYTES, time).await.is_some());
        drop(first);
        // No body is longer than all the room there is.
        assert!(space.take_bytes(u64::MAX, time).await.is_some());
    }
}
