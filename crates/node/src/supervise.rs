//! Supervision: named tasks, of which none may end before it is told to.

use crate::error::NodeError;
use std::{collections::HashMap, future::Future, io, time::Duration};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::{self, JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

/// How long tasks have to end after they were told to; the gateway drains for five seconds,
/// and container runtimes kill after ten.
const STOP_TIME_MAX: Duration = Duration::from_secs(8);

/// How long a process whose parent is gone may take to stop by itself.
const ORPHAN_TIME_MAX: Duration = Duration::from_secs(30);

/// What a task belongs to: callers are turned away before the chain stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// Servers: they stop first, so that what they have accepted is still dealt with.
    Edge,
    /// What the servers rely on.
    Core,
    /// What the core relies on: it stops last, so that nothing takes its end for a failure.
    Network,
}

/// The tasks of a process, and the switches that stop them.
#[derive(Debug)]
pub(crate) struct Supervisor {
    edge: Tasks,
    core: Tasks,
    network: Tasks,
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    /// Cancelled when whoever started this process is gone.
    parent: CancellationToken,
}

#[derive(Debug, Default)]
struct Tasks {
    tasks: JoinSet<Result<(), NodeError>>,
    names: HashMap<task::Id, &'static str>,
    stop: CancellationToken,
}

impl Supervisor {
    /// Takes SIGINT, SIGTERM and SIGHUP over, which from here on no longer kill the process: do this before
    /// anybody is told that the node is ready.
    ///
    /// # Errors
    /// The system refuses a handler.
    pub(crate) fn new() -> Result<Self, NodeError> {
        Ok(Self {
            edge: Tasks::default(),
            core: Tasks::default(),
            network: Tasks::default(),
            parent: CancellationToken::new(),
            terminate: signal(SignalKind::terminate()).map_err(NodeError::Signal)?,
            interrupt: signal(SignalKind::interrupt()).map_err(NodeError::Signal)?,
            hangup: signal(SignalKind::hangup()).map_err(NodeError::Signal)?,
        })
    }

    /// Stops when standard input ends, as it does when a parent that holds the other end of the pipe
    /// is gone, however it went. A process that has not ended some time later is ended by force.
    pub(crate) fn stop_with_stdin(&self) {
        let parent = self.parent.clone();
        // A thread of its own: a runtime could not shut down while one of its threads reads.
        std::thread::spawn(move || {
            let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
            parent.cancel();
            std::thread::sleep(ORPHAN_TIME_MAX);
            std::process::exit(1);
        });
    }

    /// Starts a task. It is given a token that is cancelled when it should end.
    pub(crate) fn spawn<F>(
        &mut self,
        group: Group,
        name: &'static str,
        task: impl FnOnce(CancellationToken) -> F,
    ) where
        F: Future<Output = Result<(), NodeError>> + Send + 'static,
    {
        let tasks = match group {
            Group::Edge => &mut self.edge,
            Group::Core => &mut self.core,
            Group::Network => &mut self.network,
        };
        let handle = tasks.tasks.spawn(task(tasks.stop.clone()));
        tasks.names.insert(handle.id(), name);
    }

    /// Waits for one of the signals, or the first task to end; then calls `before_stop`, stops the
    /// edge, then the core, then the network, and waits for each with a deadline.
    ///
    /// # Errors
    /// The reason of the first task that ended though it should not have.
    pub(crate) async fn run(mut self, before_stop: impl FnOnce()) -> Result<(), NodeError> {
        let mut outcome = tokio::select! {
            _ = self.terminate.recv() => { tracing::info!("SIGTERM: stopping"); Ok(()) }
            _ = self.interrupt.recv() => { tracing::info!("SIGINT: stopping"); Ok(()) }
            _ = self.hangup.recv() => { tracing::info!("SIGHUP: stopping"); Ok(()) }
            () = self.parent.cancelled() => { tracing::info!("standard input ended: stopping"); Ok(()) }
            ended = self.edge.ended_early() => ended,
            ended = self.core.ended_early() => ended,
            ended = self.network.ended_early() => ended,
        };
        before_stop();
        for tasks in [&mut self.edge, &mut self.core, &mut self.network] {
            let stopped = tasks.stop().await;
            outcome = outcome.and(stopped);
        }
        outcome
    }
}

impl Tasks {
    /// The next task to end, as a failure; waits for ever when there is none.
    async fn ended_early(&mut self) -> Result<(), NodeError> {
        match self.tasks.join_next_with_id().await {
            Some(Ok((id, result))) => {
                result?;
                let reason = "it returned though nobody stopped it".into();
                Err(NodeError::TaskEnded { task: self.name(id), reason })
            }
            Some(Err(error)) => Err(self.panicked(&error)),
            None => std::future::pending().await,
        }
    }

    /// Tells the tasks to end and waits for them; returns the first failure.
    async fn stop(&mut self) -> Result<(), NodeError> {
        self.stop.cancel();
        let mut outcome = Ok(());
        let drain = async {
            while let Some(ended) = self.tasks.join_next().await {
                let result = match ended {
                    Ok(result) => result,
                    Err(error) => Err(self.names.get(&error.id()).map_or_else(
                        || panicked("unknown", &error),
                        |name| panicked(name, &error),
                    )),
                };
                if outcome.is_ok() {
                    outcome = result;
                }
            }
        };
        if tokio::time::timeout(STOP_TIME_MAX, drain).await.is_err() {
            tracing::warn!("tasks still running {STOP_TIME_MAX:?} after they were told to stop");
        }
        outcome
    }

    fn name(&self, id: task::Id) -> &'static str {
        self.names.get(&id).copied().unwrap_or("unknown")
    }

    fn panicked(&self, error: &JoinError) -> NodeError {
        panicked(self.name(error.id()), error)
    }
}

fn panicked(task: &'static str, error: &JoinError) -> NodeError {
    NodeError::TaskEnded { task, reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;
    use std::sync::Arc;

    #[tokio::test]
    async fn the_first_task_to_end_stops_the_others_edge_first() {
        let mut supervisor = Supervisor::new().unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        for (part, name) in
            [(Group::Network, "network"), (Group::Core, "core"), (Group::Edge, "edge")]
        {
            let order = Arc::clone(&order);
            supervisor.spawn(part, name, |stop| async move {
                stop.cancelled().await;
                order.lock().push(name);
                Ok(())
            });
        }
        let failing = async { Err(NodeError::Rpc("broken".into())) };
        supervisor.spawn(Group::Core, "failing", |_| failing);
        let error = supervisor.run(|| {}).await.unwrap_err();
        assert!(error.to_string().contains("broken"), "{error}");
        assert_eq!(*order.lock(), ["edge", "core", "network"]);
    }

    #[tokio::test]
    async fn a_task_that_just_ends_or_panics_is_a_failure_by_its_name() {
        let mut supervisor = Supervisor::new().unwrap();
        supervisor.spawn(Group::Edge, "quitter", |_| async { Ok(()) });
        let error = supervisor.run(|| {}).await.unwrap_err();
        assert!(error.to_string().contains("quitter"), "{error}");
        let mut supervisor = Supervisor::new().unwrap();
        supervisor.spawn(Group::Core, "panicking", |_| async { panic!("on purpose") });
        let error = supervisor.run(|| {}).await.unwrap_err().to_string();
        assert!(error.contains("on purpose") && error.contains("task panicking"), "{error}");
    }
}
