//! From the bytes of a request to the bytes of its answer, without knowing how either travels.

use crate::{
    dispatch::Dispatch,
    error::RpcError,
    limits::RpcLimits,
    middleware::{RpcLayer, RpcStack, refuse},
};
use jsonrpsee::{
    MethodResponse, Methods,
    core::middleware::{Batch, BatchEntry, BatchEntryErr, Notification, Request, RpcServiceT},
    types::{ErrorObjectOwned, Id, InvalidRequest},
};
use serde_json::value::RawValue;
use tower::Layer;

/// Answers requests and batches, but no subscriptions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RpcServer {
    stack: RpcStack<Dispatch>,
    batch_entries_max: usize,
}

impl RpcServer {
    /// Serves the methods of `module` behind `layer`.
    pub fn new(module: impl Into<Methods>, layer: &RpcLayer, limits: &RpcLimits) -> Self {
        let dispatch = Dispatch::new(module.into(), limits.response_bytes_max);
        Self { stack: layer.layer(dispatch), batch_entries_max: limits.batch_entries_max }
    }

    /// The answer to one request or batch; none when nothing in it asks for one. Dropping the
    /// future cancels what still runs.
    pub async fn answer(&self, request: &[u8]) -> Option<Box<RawValue>> {
        let response = match request.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'[') => self.batch(request).await,
            _ => self.single(request).await,
        };
        (!response.is_notification()).then(|| response.into_json())
    }

    /// What a caller reads whose request took longer than the transport allows.
    pub fn timed_out() -> Box<RawValue> {
        refuse(Id::Null, RpcError::RequestTimeout).into_json()
    }

    async fn single(&self, request: &[u8]) -> MethodResponse {
        match entry(request) {
            Ok(BatchEntry::Call(request)) => self.stack.call(request).await,
            Ok(BatchEntry::Notification(notification)) => {
                self.stack.notification(notification).await
            }
            Err(id) => {
                let is_json = serde_json::from_slice::<&RawValue>(request).is_ok();
                let error = if is_json {
                    RpcError::InvalidRequest("invalid request")
                } else {
                    RpcError::Parse
                };
                refuse(id, error)
            }
        }
    }

    async fn batch(&self, request: &[u8]) -> MethodResponse {
        let Ok(entries) = serde_json::from_slice::<Vec<&RawValue>>(request) else {
            return refuse(Id::Null, RpcError::Parse);
        };
        // Before an entry costs more than the reference to its text.
        if entries.len() > self.batch_entries_max {
            return refuse(Id::Null, RpcError::InvalidRequest("batch too large"));
        }
        let entries = entries.into_iter().map(|text| {
            entry(text.get().as_bytes()).map_err(|id| {
                let error = RpcError::InvalidRequest("invalid request");
                BatchEntryErr::new(id, ErrorObjectOwned::from(error))
            })
        });
        self.stack.batch(Batch::from(entries.collect())).await
    }
}

/// A call, or a notification, or the identifier of something that is neither.
fn entry(text: &[u8]) -> Result<BatchEntry<'_>, Id<'_>> {
    if let Ok(request) = serde_json::from_slice::<Request<'_>>(text) {
        return Ok(BatchEntry::Call(request));
    }
    if let Ok(notification) = serde_json::from_slice::<Notification<'_>>(text) {
        return Ok(BatchEntry::Notification(notification));
    }
    Err(serde_json::from_slice::<InvalidRequest<'_>>(text).map_or(Id::Null, |invalid| invalid.id))
}

#[cfg(test)]
mod tests;
