use super::*;
use mfenx_primitives::{Block, RecoveredBlock};
use std::sync::{
    Barrier,
    atomic::{AtomicUsize, Ordering},
};

fn cache(time_ms: u64, interval_ms: u64) -> PendingCache {
    PendingCache::new(&RpcLimits {
        pending_time_ms_max: time_ms,
        pending_interval_ms_min: interval_ms,
        ..RpcLimits::default()
    })
}

fn block() -> PendingBlock {
    let block = RecoveredBlock::recover(Block::default()).unwrap();
    PendingBlock {
        block: Arc::new(CachedBlock::new(block, Vec::new())),
        bundle: BundleState::default(),
    }
}

const PARENT: B256 = B256::repeat_byte(1);

#[test]
fn one_builds_and_the_others_wait() {
    let cache = cache(10_000, 10_000);
    let (built, start) = (AtomicUsize::new(0), Barrier::new(8));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                start.wait();
                let build = || {
                    built.fetch_add(1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(30));
                    Ok(block())
                };
                cache.get(PARENT, 7, build).unwrap();
            });
        }
    });
    assert_eq!(built.into_inner(), 1);
}

#[test]
fn a_failure_lets_the_next_one_build() {
    let cache = cache(100, 0);
    let failed = cache.get(PARENT, 1, || Err(RpcError::Cancelled));
    assert!(matches!(failed, Err(RpcError::Cancelled)));
    cache.get(PARENT, 1, || Ok(block())).unwrap();
    // The same pool, the same head: the same block. Another of either: another block.
    cache.get(PARENT, 1, || Err(RpcError::Cancelled)).unwrap();
    assert!(cache.get(PARENT, 2, || Err(RpcError::Cancelled)).is_err());
    assert!(cache.get(B256::ZERO, 1, || Err(RpcError::Cancelled)).is_err());
}

#[test]
fn whoever_waits_too_long_gets_an_old_one_or_is_told() {
    let cache = cache(10, 0);
    cache.get(PARENT, 1, || Ok(block())).unwrap();
    let (started, done) = (Barrier::new(2), Barrier::new(2));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let slow = || {
                started.wait();
                done.wait();
                Ok(block())
            };
            cache.get(PARENT, 2, slow).unwrap();
        });
        started.wait();
        cache.get(PARENT, 3, || Err(RpcError::Cancelled)).unwrap();
        let other = cache.get(B256::ZERO, 3, || Err(RpcError::Cancelled));
        assert!(matches!(other, Err(RpcError::Busy)));
        done.wait();
    });
}
