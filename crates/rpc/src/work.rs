//! Bounded blocking work, in classes, so that a flood of one class cannot starve another.

use crate::{
    error::RpcError,
    limits::RpcLimits,
    metrics::{self, Live},
};
use ::metrics::Gauge;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{Semaphore, SemaphorePermit};

/// What kind of work a method does; each kind has its own places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Whole blocks, receipts, fee history.
    Reads,
    /// The EVM.
    Calls,
    /// Searches through many blocks.
    Logs,
    /// Executing again, with every step looked at.
    Traces,
    /// Recovering and pooling transactions.
    Transactions,
}

impl Class {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Calls => "calls",
            Self::Logs => "logs",
            Self::Traces => "traces",
            Self::Transactions => "transactions",
        }
    }
}

/// Says to running work that nobody waits for its result any more.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Whether the caller has hung up.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Cancels when it is dropped, which is what happens to the future of a caller who hangs up.
struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Work that runs for a moment on the threads that also read requests. While it is as brief as it
/// should be, on all of them; else never on all, so that others need not wait for it.
#[derive(Debug)]
struct Briefs {
    places: Semaphore,
    /// What one takes, in nanoseconds: a moving average over about the last sixteen.
    average_ns: AtomicU64,
}

/// What brief work may take on the average to run on every thread, in nanoseconds: a few times what
/// an answer to the cheapest request takes.
const BRIEF_NS_MAX: u64 = 40_000;
/// One counts for no more than this, in nanoseconds: a thread may have been taken away meanwhile.
const COUNTED_NS_MAX: u64 = 10_000_000;

impl Briefs {
    fn new(threads: usize) -> Self {
        let places = Semaphore::new(threads.saturating_sub(1));
        Self { places, average_ns: AtomicU64::new(BRIEF_NS_MAX) }
    }

    fn enter(&self) -> Option<Brief<'_>> {
        let is_brief = self.average_ns.load(Ordering::Relaxed) < BRIEF_NS_MAX;
        let place = if is_brief { None } else { Some(self.places.try_acquire().ok()?) };
        Some(Brief { briefs: self, started: Instant::now(), _place: place })
    }
}

impl Brief<'_> {
    /// When it was begun.
    pub(crate) const fn started(&self) -> Instant {
        self.started
    }
}

/// Leave to do something brief, until it is dropped.
#[derive(Debug)]
pub(crate) struct Brief<'w> {
    briefs: &'w Briefs,
    started: Instant,
    _place: Option<SemaphorePermit<'w>>,
}

impl Drop for Brief<'_> {
    fn drop(&mut self) {
        let taken = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let taken = taken.min(COUNTED_NS_MAX);
        let average = self.briefs.average_ns.load(Ordering::Relaxed);
        // Of two that end at the same time one may go uncounted, which does no harm to an average.
        let average = average - average / 16 + taken / 16;
        self.briefs.average_ns.store(average, Ordering::Relaxed);
    }
}

/// The places of every class.
#[derive(Debug)]
pub(crate) struct Workers {
    reads: Places,
    calls: Places,
    logs: Places,
    traces: Places,
    transactions: Places,
    brief: Briefs,
    queue_time_max: Duration,
}

#[derive(Debug)]
struct Places {
    free: Arc<Semaphore>,
    waiting: Gauge,
    running: Gauge,
}

impl Places {
    fn new(class: Class, count: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(count.max(1))),
            waiting: metrics::waiting(class),
            running: metrics::running(class),
        }
    }
}

impl Workers {
    pub(crate) fn new(limits: &RpcLimits) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            reads: Places::new(Class::Reads, limits.reads_running_max),
            calls: Places::new(Class::Calls, limits.calls_running_max),
            logs: Places::new(Class::Logs, limits.logs_running_max),
            traces: Places::new(Class::Traces, limits.traces_running_max),
            transactions: Places::new(Class::Transactions, limits.transactions_running_max),
            brief: Briefs::new(threads),
            queue_time_max: Duration::from_millis(limits.queue_time_ms_max),
        }
    }

    /// Leave to do something brief on the thread that reads requests.
    pub(crate) fn brief(&self) -> Option<Brief<'_>> {
        self.brief.enter()
    }

    /// Runs `job` on a thread that may block, when it is its turn. A place is held until the job
    /// has really ended, also when the caller hangs up before.
    ///
    /// # Errors
    /// Those of the job, and [`RpcError::Busy`] when its turn does not come in time.
    pub(crate) async fn run<T, F>(&self, class: Class, job: F) -> Result<T, RpcError>
    where
        T: Send + 'static,
        F: FnOnce(&Cancel) -> Result<T, RpcError> + Send + 'static,
    {
        let places = match class {
            Class::Reads => &self.reads,
            Class::Calls => &self.calls,
            Class::Logs => &self.logs,
            Class::Traces => &self.traces,
            Class::Transactions => &self.transactions,
        };
        let turn = Arc::clone(&places.free).acquire_owned();
        let waiting = Live::counted(&places.waiting);
        let Ok(Ok(place)) = tokio::time::timeout(self.queue_time_max, turn).await else {
            metrics::busy(class);
            return Err(RpcError::Busy);
        };
        drop(waiting);
        let guard = CancelOnDrop(Cancel::default());
        let cancel = guard.0.clone();
        let running = Live::counted(&places.running);
        let ended = tokio::task::spawn_blocking(move || {
            let _place = (place, running);
            job(&cancel)
        })
        .await;
        ended.unwrap_or_else(|error| Err(RpcError::Internal(format!("a method failed: {error}"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workers(calls: usize, queue_ms: u64) -> Workers {
        let limits = RpcLimits {
            calls_running_max: calls,
            queue_time_ms_max: queue_ms,
            ..RpcLimits::default()
        };
        Workers::new(&limits)
    }

    #[tokio::test]
    async fn whoever_hangs_up_cancels_the_work_and_keeps_the_place_until_it_ends() {
        let workers = Arc::new(workers(1, 5_000));
        let (seen, wait) = std::sync::mpsc::channel();
        let (started, mut running) = tokio::sync::mpsc::channel(1);
        let first = Arc::clone(&workers);
        let task = tokio::spawn(async move {
            first
                .run(Class::Calls, move |cancel| {
                    let _ = started.blocking_send(());
                    while !cancel.is_cancelled() {
                        std::thread::yield_now();
                    }
                    let _ = seen.send(());
                    Ok(())
                })
                .await
        });
        running.recv().await.unwrap();
        task.abort();
        // The second gets its turn only because the first was cancelled and ended.
        workers.run(Class::Calls, |_| Ok(())).await.unwrap();
        wait.try_recv().unwrap();
    }

    #[test]
    fn brief_work_has_every_thread_only_while_it_is_brief() {
        let briefs = Briefs::new(2);
        let first = briefs.enter().unwrap();
        assert!(briefs.enter().is_none(), "how long it takes is not known yet");
        drop(first);
        while briefs.average_ns.load(Ordering::Relaxed) >= BRIEF_NS_MAX {
            drop(briefs.enter().unwrap());
        }
        let (first, second) = (briefs.enter().unwrap(), briefs.enter().unwrap());
        drop((first, second));
        while briefs.average_ns.load(Ordering::Relaxed) < BRIEF_NS_MAX {
            let long = briefs.enter().unwrap();
            std::thread::sleep(Duration::from_millis(1));
            drop(long);
        }
        let first = briefs.enter().unwrap();
        assert!(briefs.enter().is_none(), "it takes long");
        drop(first);
    }

    #[tokio::test]
    async fn a_full_class_says_busy_and_leaves_the_others_alone() {
        let workers = Arc::new(workers(1, 20));
        let (release, blocked) = std::sync::mpsc::channel::<()>();
        let (started, mut running) = tokio::sync::mpsc::channel(1);
        let first = Arc::clone(&workers);
        let task = tokio::spawn(async move {
            first
                .run(Class::Calls, move |_| {
                    let _ = started.blocking_send(());
                    let _ = blocked.recv();
                    Ok(())
                })
                .await
        });
        running.recv().await.unwrap();
        assert!(matches!(workers.run(Class::Calls, |_| Ok(())).await, Err(RpcError::Busy)));
        workers.run(Class::Logs, |_| Ok(())).await.unwrap();
        release.send(()).unwrap();
        task.await.unwrap().unwrap();
    }

    /// At the bound of each class everybody runs, over it nobody does, and the others do.
    #[tokio::test]
    async fn every_class_has_its_own_places() {
        use Class::{Calls, Logs, Reads, Traces, Transactions};
        const ALL: [Class; 5] = [Reads, Calls, Logs, Traces, Transactions];
        let limits = RpcLimits {
            reads_running_max: 2,
            calls_running_max: 2,
            logs_running_max: 2,
            traces_running_max: 2,
            transactions_running_max: 2,
            queue_time_ms_max: 30,
            ..RpcLimits::default()
        };
        for full in ALL {
            let workers = Arc::new(Workers::new(&limits));
            let (started, mut running) = tokio::sync::mpsc::channel(2);
            let jobs: Vec<_> = (0..2)
                .map(|_| {
                    let (workers, started) = (Arc::clone(&workers), started.clone());
                    let (release, blocked) = std::sync::mpsc::channel::<()>();
                    let job = tokio::spawn(async move {
                        let job = move |_: &Cancel| {
                            let _ = started.blocking_send(());
                            let _ = blocked.recv();
                            Ok(())
                        };
                        workers.run(full, job).await
                    });
                    (job, release)
                })
                .collect();
            for _ in 0..2 {
                running.recv().await.unwrap();
            }
            for class in ALL {
                let result = workers.run(class, |_| Ok(())).await;
                assert_eq!(matches!(result, Err(RpcError::Busy)), class == full, "{class:?}");
            }
            for (job, release) in jobs {
                release.send(()).unwrap();
                job.await.unwrap().unwrap();
            }
            workers.run(full, |_| Ok(())).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error() {
        let result = workers(1, 100)
            .run::<(), _>(Class::Calls, |_| std::panic::resume_unwind(Box::new("boom")))
            .await;
        assert!(matches!(result, Err(RpcError::Internal(_))));
    }
}
