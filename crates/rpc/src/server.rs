//! From the bytes of a request to the bytes of its answer, without knowing how either travels.

use crate::{
    client::ClientId,
    dispatch::{Dispatch, Subscriber},
    error::RpcError,
    limits::RpcLimits,
    middleware::{RpcLayer, RpcStack, refuse},
    unsent::{Backlog, Held, Unsent},
};
use jsonrpsee::{
    Extensions, MethodResponse, Methods,
    core::middleware::{Batch, BatchEntry, BatchEntryErr, Notification, Request, RpcServiceT},
    types::{ErrorObjectOwned, Id, InvalidRequest},
};
use serde::Deserialize as _;
use serde_json::value::{RawValue, to_raw_value};
use std::sync::Arc;
use tokio::sync::mpsc;
use tower::Layer;

/// Answers requests and batches; subscriptions only for [connections](Self::for_connection). Cheap
/// to clone.
#[derive(Debug, Clone)]
pub struct RpcServer {
    stack: RpcStack<Dispatch>,
    dispatch: Dispatch,
    layer: RpcLayer,
    batch_entries_max: usize,
    client_unsent_bytes_max: usize,
    unsent: Arc<Unsent>,
    backlog: Option<Arc<Backlog>>,
    client: Option<ClientId>,
}

/// What a caller is to read. It counts as unsent until it is dropped.
#[derive(Debug)]
pub struct Answer {
    json: Box<RawValue>,
    _held: Option<Arc<Held>>,
}

impl Answer {
    /// The text.
    pub fn get(&self) -> &str {
        self.json.get()
    }
}

impl AsRef<[u8]> for Answer {
    fn as_ref(&self) -> &[u8] {
        self.get().as_bytes()
    }
}

impl RpcServer {
    /// Serves the methods of `module` behind `layer`.
    pub fn new(module: impl Into<Methods>, layer: &RpcLayer, limits: &RpcLimits) -> Self {
        let dispatch = Dispatch::new(module.into(), limits.response_bytes_max);
        Self {
            stack: layer.layer(dispatch.clone()),
            dispatch,
            layer: layer.clone(),
            batch_entries_max: limits.batch_entries_max,
            client_unsent_bytes_max: limits.client_unsent_bytes_max,
            unsent: Arc::new(Unsent::new(limits.unsent_bytes_max)),
            backlog: None,
            client: None,
        }
    }

    /// The same for one client, whose connections may leave only so much unsent together, and
    /// have only so many filters. A client that comes back has the same number.
    #[must_use]
    pub fn for_client(&self, client: ClientId) -> Self {
        let unsent = Arc::new(Unsent::share(&self.unsent, self.client_unsent_bytes_max));
        Self { unsent, client: Some(client), ..self.clone() }
    }

    /// The same for one connection that can have so many subscriptions. Their messages arrive
    /// at the other end of `messages`; whoever writes them calls [`Backlog::written`].
    pub fn for_connection(
        &self,
        messages: mpsc::Sender<Box<RawValue>>,
        subscriptions_max: u32,
    ) -> (Self, Arc<Backlog>) {
        let backlog = Arc::new(Backlog::new(Arc::clone(&self.unsent)));
        let subscriber = Subscriber::new(messages, subscriptions_max, Arc::clone(&backlog));
        let dispatch = self.dispatch.for_subscriber(subscriber);
        let stack = self.layer.layer(dispatch.clone());
        let server = Self { stack, dispatch, backlog: Some(Arc::clone(&backlog)), ..self.clone() };
        (server, backlog)
    }

    /// The answer to one request or batch; none when nothing in it asks for one. Dropping the
    /// future cancels what still runs.
    pub async fn answer(&self, request: &[u8]) -> Option<Answer> {
        let is_batch = request.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
        let held = Held::new(Arc::clone(&self.unsent), self.backlog.clone());
        let held = Arc::new(held.of_client(self.client).batch(is_batch));
        let response = if is_batch {
            self.batch(request, &held).await
        } else {
            self.single(request, &held).await
        };
        // A subscription has been answered by a message.
        (!response.is_notification() && !response.is_subscription())
            .then(|| Answer { json: response.into_json(), _held: Some(held) })
    }

    /// What a caller reads whose request took longer than the transport allows: the same for each
    /// entry of a batch, so that whoever waits for one of them hears of it.
    pub fn timed_out(&self, request: &[u8]) -> Answer {
        let refusal =
            |text: &[u8]| refuse(id_of(text)?, RpcError::RequestTimeout).into_json().into();
        let is_batch = request.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
        let entries: Vec<&RawValue> = match serde_json::from_slice(request) {
            Ok(entries) if is_batch => entries,
            _ => Vec::new(),
        };
        let answers: Vec<Box<RawValue>> =
            entries.iter().filter_map(|entry| refusal(entry.get().as_bytes())).collect();
        let json = match to_raw_value(&answers) {
            Ok(answers) if is_batch => Some(answers),
            _ => refusal(request),
        };
        json.map_or_else(
            || Self::refusal(RpcError::RequestTimeout),
            |json| Answer { json, _held: None },
        )
    }

    /// What a caller reads for whose request there was no room in time.
    pub fn busy() -> Answer {
        Self::refusal(RpcError::Busy)
    }

    /// What a caller reads whose request is longer than the transport allows.
    pub fn too_large() -> Answer {
        Self::refusal(RpcError::InvalidRequest("request too large"))
    }

    fn refusal(error: RpcError) -> Answer {
        Answer { json: refuse(Id::Null, error).into_json(), _held: None }
    }

    async fn single(&self, request: &[u8], held: &Arc<Held>) -> MethodResponse {
        match entry(request, held) {
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

    async fn batch(&self, request: &[u8], held: &Arc<Held>) -> MethodResponse {
        let Ok(entries) = serde_json::from_slice::<Vec<&RawValue>>(request) else {
            return refuse(Id::Null, RpcError::Parse);
        };
        // Before an entry costs more than the reference to its text.
        if entries.len() > self.batch_entries_max {
            return refuse(Id::Null, RpcError::InvalidRequest("batch too large"));
        }
        let entries = entries.into_iter().map(|text| {
            entry(text.get().as_bytes(), held).map_err(|id| {
                let error = RpcError::InvalidRequest("invalid request");
                BatchEntryErr::new(id, ErrorObjectOwned::from(error))
            })
        });
        self.stack.batch(Batch::from(entries.collect())).await
    }
}

/// Whether there is an identifier, whatever it is.
#[derive(serde::Deserialize)]
struct Identified {
    #[serde(default, deserialize_with = "present")]
    id: Option<()>,
}

/// Present also when it is `null`.
fn present<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<()>, D::Error> {
    serde::de::IgnoredAny::deserialize(value).map(|_| Some(()))
}

/// The identifier of a request; none when nobody waits for its answer.
fn id_of(text: &[u8]) -> Option<Id<'_>> {
    #[derive(serde::Deserialize)]
    struct Identified<'a> {
        #[serde(borrow)]
        id: Id<'a>,
    }
    serde_json::from_slice::<Identified<'_>>(text).ok().map(|request| request.id)
}

/// A call, or a notification, or the identifier of something that is neither.
fn entry<'a>(text: &'a [u8], held: &Arc<Held>) -> Result<BatchEntry<'a>, Id<'a>> {
    if let Ok(mut request) = serde_json::from_slice::<Request<'_>>(text) {
        let mut extensions = Extensions::new();
        extensions.insert(Arc::clone(held));
        request.extensions = extensions;
        return Ok(BatchEntry::Call(request));
    }
    // Only what has no identifier asks for no answer; one that cannot be read is an error.
    let has_id =
        serde_json::from_slice::<Identified>(text).map_or(true, |request| request.id.is_some());
    if !has_id && let Ok(notification) = serde_json::from_slice::<Notification<'_>>(text) {
        return Ok(BatchEntry::Notification(notification));
    }
    Err(serde_json::from_slice::<InvalidRequest<'_>>(text).map_or(Id::Null, |invalid| invalid.id))
}

#[cfg(test)]
mod tests;
