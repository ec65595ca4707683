//! How long a trace may take.

use crate::{error::RpcError, limits::RpcLimits, work::Cancel};
use mfenx_execution::CallError;
use std::time::{Duration, Instant};

/// The end of a trace: when its time is up, or when its caller has hung up.
pub(crate) struct TraceTime<'c> {
    deadline: Instant,
    milliseconds: u64,
    cancel: &'c Cancel,
}

impl<'c> TraceTime<'c> {
    /// From now, the time that the caller wants, and at most the node's limit.
    pub(crate) fn starting(
        limits: &RpcLimits,
        wanted: Option<Duration>,
        cancel: &'c Cancel,
    ) -> Self {
        let wanted = wanted.and_then(|time| u64::try_from(time.as_millis()).ok());
        let milliseconds = wanted.unwrap_or(u64::MAX).min(limits.trace_time_ms_max);
        let deadline = Instant::now() + Duration::from_millis(milliseconds);
        Self { deadline, milliseconds, cancel }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.cancel.is_cancelled() || Instant::now() >= self.deadline
    }

    /// For work outside the EVM.
    ///
    /// # Errors
    /// The time is up.
    pub(crate) fn check(&self) -> Result<(), RpcError> {
        if self.is_up() { Err(self.error(CallError::Interrupted)) } else { Ok(()) }
    }

    /// What a failed run means to the caller.
    pub(crate) fn error(&self, error: CallError) -> RpcError {
        match error {
            CallError::Interrupted if self.cancel.is_cancelled() => RpcError::Cancelled,
            CallError::Interrupted => RpcError::TraceTimeout { milliseconds: self.milliseconds },
            other => other.into(),
        }
    }
}
