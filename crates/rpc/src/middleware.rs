//! What every request passes, alone or in a batch, over HTTP or WebSocket: names are checked,
//! requests counted and timed, batches and unsent answers bounded, and the server library's own
//! errors reworded.

use crate::{
    error::RpcError,
    limits::RpcLimits,
    metrics::{self, MethodMetrics, UNKNOWN},
    unsent::Held,
};
use jsonrpsee::{
    MethodResponse,
    core::middleware::{Batch, BatchEntry, Notification, Request, RpcServiceT},
    server::{BatchResponseBuilder, Methods},
    types::{ErrorObjectOwned, Id, error::OVERSIZED_RESPONSE_CODE},
};
use std::{
    collections::HashMap,
    future::{Future, ready},
    sync::Arc,
    time::Instant,
};
use tower::Layer;

/// Wraps a service that answers JSON-RPC calls. Cheap to clone.
#[derive(Clone)]
pub struct RpcLayer {
    shared: Arc<Shared>,
}

struct Shared {
    methods: HashMap<&'static str, MethodMetrics>,
    unknown: MethodMetrics,
    limits: RpcLimits,
}

impl std::fmt::Debug for RpcLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RpcLayer").finish_non_exhaustive()
    }
}

impl RpcLayer {
    /// For the methods of `module`. Install the metrics recorder first.
    pub fn new(module: &Methods, limits: &RpcLimits) -> Self {
        metrics::describe();
        let methods = module.method_names().map(|name| (name, MethodMetrics::new(name))).collect();
        let unknown = MethodMetrics::new(UNKNOWN);
        let shared = Shared { methods, unknown, limits: limits.clone() };
        Self { shared: Arc::new(shared) }
    }
}

impl<S> Layer<S> for RpcLayer {
    type Service = RpcStack<S>;

    fn layer(&self, inner: S) -> RpcStack<S> {
        RpcStack { layer: self.clone(), inner: Arc::new(inner) }
    }
}

/// A service behind [`RpcLayer`].
#[derive(Debug)]
pub struct RpcStack<S> {
    layer: RpcLayer,
    inner: Arc<S>,
}

impl<S> Clone for RpcStack<S> {
    fn clone(&self) -> Self {
        Self { layer: self.layer.clone(), inner: Arc::clone(&self.inner) }
    }
}

impl<S> RpcServiceT for RpcStack<S>
where
    S: RpcServiceT<MethodResponse = MethodResponse> + Send + Sync + 'static,
{
    type MethodResponse = MethodResponse;
    type NotificationResponse = MethodResponse;
    type BatchResponse = MethodResponse;

    fn call<'a>(&self, request: Request<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let RpcStack { layer, inner } = self.clone();
        async move {
            let shared = &layer.shared;
            let started = Instant::now();
            let Some(metrics) = shared.methods.get(request.method_name()) else {
                let error = RpcError::UnknownMethod(request.method_name().to_owned());
                shared.unknown.answered(started, Some(error.code()));
                return refuse(request.id, error);
            };
            let (id, held) = (request.id(), request.extensions.get::<Arc<Held>>().cloned());
            let response = shared.reword(id.clone(), inner.call(request).await);
            let response = match held {
                Some(held) => hold(&held, id, response),
                None => response,
            };
            metrics.answered(started, response.as_error_code());
            response
        }
    }

    fn batch<'a>(&self, batch: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let stack = self.clone();
        async move { stack.answer_all(batch).await }
    }

    fn notification<'a>(
        &self,
        notification: Notification<'a>,
    ) -> impl Future<Output = MethodResponse> + Send + 'a {
        // Nobody waits for the result, and no method is worth running without one.
        ready(MethodResponse::notification().with_extensions(notification.extensions))
    }
}

impl<S> RpcStack<S>
where
    S: RpcServiceT<MethodResponse = MethodResponse> + Send + Sync + 'static,
{
    /// One entry after the other, as a caller expects who sends transactions with rising nonces.
    async fn answer_all(&self, batch: Batch<'_>) -> MethodResponse {
        let bytes_max = self.layer.shared.limits.response_bytes_max;
        if batch.is_empty() {
            return refuse(Id::Null, RpcError::InvalidRequest("empty batch"));
        }
        if batch.len() > self.layer.shared.limits.batch_entries_max {
            return refuse(Id::Null, RpcError::InvalidRequest("batch too large"));
        }
        // The builder's own limit would throw away what is already answered.
        let mut answers = BatchResponseBuilder::new_with_limit(usize::MAX);
        let mut bytes: usize = 0;
        for entry in batch {
            let answer = match entry {
                Ok(BatchEntry::Notification(_)) => continue,
                Ok(BatchEntry::Call(request)) if bytes > bytes_max => {
                    refuse(request.id, RpcError::ResponseTooLarge { bytes_max })
                }
                Ok(BatchEntry::Call(request)) => {
                    let id = request.id();
                    let answer = self.call(request).await;
                    bytes = bytes.saturating_add(answer.as_json().get().len());
                    if bytes > bytes_max {
                        refuse(id, RpcError::ResponseTooLarge { bytes_max })
                    } else {
                        answer
                    }
                }
                Err(error) => {
                    let (_, id) = error.into_parts();
                    refuse(id, RpcError::InvalidRequest("invalid request"))
                }
            };
            if let Err(error) = answers.append(answer) {
                return error;
            }
        }
        if answers.is_empty() {
            return MethodResponse::notification();
        }
        MethodResponse::from_batch(answers.finish())
    }
}

impl Shared {
    /// Gives errors of the server library, whose codes mean something else in Ethereum, ours.
    fn reword(&self, id: Id<'_>, response: MethodResponse) -> MethodResponse {
        match response.as_error_code() {
            Some(OVERSIZED_RESPONSE_CODE) => {
                let bytes_max = self.limits.response_bytes_max;
                refuse(id, RpcError::ResponseTooLarge { bytes_max })
            }
            _ => response,
        }
    }
}

/// Counts what is sent, or gives it up when too much waits for its clients already.
fn hold(held: &Held, id: Id<'_>, response: MethodResponse) -> MethodResponse {
    // Subscriptions answer through their connection, which counts that as a message.
    if response.is_subscription() || held.try_add(response.as_json().get().len()) {
        return response;
    }
    metrics::unsent_refused();
    refuse(id, RpcError::Busy)
}

/// An answer that is an error.
pub(crate) fn refuse(id: Id<'_>, error: RpcError) -> MethodResponse {
    MethodResponse::error(id, ErrorObjectOwned::from(error))
}
