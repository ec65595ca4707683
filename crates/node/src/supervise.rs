//! Supervision: named tasks, of which none may end before it is told to.

use crate::error::NodeError;
use std::{future::Future, time::Duration};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

/// How long tasks have to end after they were told to; the gateway drains for ten seconds.
const STOP_TIME_MAX: Duration = Duration::from_secs(15);

/// The tasks of a process, and the switch that stops them.
#[derive(Debug)]
pub(crate) struct Supervisor {
    tasks: JoinSet<(&'static str, Result<(), NodeError>)>,
    stop: CancellationToken,
    terminate: Signal,
    interrupt: Signal,
}

impl Supervisor {
    /// Takes SIGINT and SIGTERM over, which from here on no longer kill the process: do this before
    /// anybody is told that the node is ready.
    ///
    /// # Errors
    /// The system refuses a handler.
    pub(crate) fn new() -> Result<Self, NodeError> {
        Ok(Self {
            tasks: JoinSet::new(),
            stop: CancellationToken::new(),
            terminate: signal(SignalKind::terminate()).map_err(NodeError::Signal)?,
            interrupt: signal(SignalKind::interrupt()).map_err(NodeError::Signal)?,
        })
    }

    /// Cancelled when tasks should end.
    pub(crate) fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    pub(crate) fn spawn(
        &mut self,
        name: &'static str,
        task: impl Future<Output = Result<(), NodeError>> + Send + 'static,
    ) {
        self.tasks.spawn(async move { (name, task.await) });
    }

    /// Waits for SIGINT, SIGTERM, or the first task to end; then calls `before_stop`, stops
    /// everything, and waits for it with a deadline.
    ///
    /// # Errors
    /// The reason of the first task that ended though it should not have.
    pub(crate) async fn run(mut self, before_stop: impl FnOnce()) -> Result<(), NodeError> {
        let mut outcome = tokio::select! {
            _ = self.terminate.recv() => { tracing::info!("SIGTERM: stopping"); Ok(()) }
            _ = self.interrupt.recv() => { tracing::info!("SIGINT: stopping"); Ok(()) }
            ended = self.tasks.join_next() => ended.map_or(Ok(()), ended_early),
        };
        before_stop();
        self.stop.cancel();
        let drain = async {
            while let Some(ended) = self.tasks.join_next().await {
                if let Err(error) = ended.map_err(panicked).and_then(|(_, result)| result)
                    && outcome.is_ok()
                {
                    outcome = Err(error);
                }
            }
        };
        if tokio::time::timeout(STOP_TIME_MAX, drain).await.is_err() {
            tracing::warn!("tasks still running {STOP_TIME_MAX:?} after they were told to stop");
        }
        outcome
    }
}

fn ended_early(
    ended: Result<(&'static str, Result<(), NodeError>), JoinError>,
) -> Result<(), NodeError> {
    let (task, result) = ended.map_err(panicked)?;
    result?;
    Err(NodeError::TaskEnded { task, reason: "it returned though nobody stopped it".into() })
}

fn panicked(error: JoinError) -> NodeError {
    NodeError::TaskEnded { task: "a supervised task", reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_task_to_end_stops_the_others() {
        let mut supervisor = Supervisor::new().unwrap();
        let stop = supervisor.stop();
        supervisor.spawn("obedient", async move {
            stop.cancelled().await;
            Ok(())
        });
        supervisor.spawn("failing", async { Err(NodeError::Rpc("broken".into())) });
        let error = supervisor.run(|| {}).await.unwrap_err();
        assert!(error.to_string().contains("broken"), "{error}");
    }

    #[tokio::test]
    async fn a_task_that_just_ends_or_panics_is_a_failure() {
        let mut supervisor = Supervisor::new().unwrap();
        supervisor.spawn("quitter", async { Ok(()) });
        let error = supervisor.run(|| {}).await.unwrap_err();
        assert!(error.to_string().contains("quitter"), "{error}");
        let mut supervisor = Supervisor::new().unwrap();
        supervisor.spawn("panicking", async { panic!("on purpose") });
        let error = supervisor.run(|| {}).await.unwrap_err();
        assert!(error.to_string().contains("on purpose"), "{error}");
    }
}
