//! Calling methods, and opening subscriptions where the transport can carry them.

use crate::{error::RpcError, subscription_id::SubscriptionIds, turns::Turns, unsent::Backlog};
use futures_util::future::Either;
use jsonrpsee::{
    ConnectionId, Extensions, MethodCallback, MethodResponse, Methods,
    core::server::{BoundedSubscriptions, MethodSink, SubscriptionMethod, SubscriptionState},
    types::{ErrorObjectOwned, Id, Params, Request},
};
use serde_json::value::RawValue;
use std::{
    future::{Future, ready},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::{mpsc, watch};

/// How long an unknown subscription is taken for one that is just being opened.
const OPENING_TIME: Duration = Duration::from_millis(100);

/// The subscriptions of a connection that are answered, perhaps, and cannot be cancelled yet.
#[derive(Debug, Default)]
struct Openings(watch::Sender<usize>);

/// One of them, until it is dropped or [done](Self::done).
#[derive(Debug, Clone)]
pub(crate) struct Opening(Arc<OpeningGuard>);

#[derive(Debug)]
struct OpeningGuard {
    openings: Arc<Openings>,
    is_open: AtomicBool,
}

impl Openings {
    fn begin(self: &Arc<Self>) -> Opening {
        self.0.send_modify(|count| *count += 1);
        let openings = Arc::clone(self);
        Opening(Arc::new(OpeningGuard { openings, is_open: AtomicBool::new(true) }))
    }

    fn any(&self) -> bool {
        *self.0.borrow() > 0
    }

    /// Waits for a while until there are none.
    async fn settled(&self) {
        let mut count = self.0.subscribe();
        let _ = tokio::time::timeout(OPENING_TIME, count.wait_for(|count| *count == 0)).await;
    }
}

impl Opening {
    /// It can be cancelled now.
    pub(crate) fn done(&self) {
        self.0.end();
    }
}

impl OpeningGuard {
    fn end(&self) {
        if self.is_open.swap(false, Ordering::Relaxed) {
            self.openings.0.send_modify(|count| *count -= 1);
        }
    }
}

impl Drop for OpeningGuard {
    fn drop(&mut self) {
        self.end();
    }
}

/// A connection that can carry messages which nobody asked for one by one.
#[derive(Debug)]
pub(crate) struct Subscriber {
    id: ConnectionId,
    messages: MethodSink,
    places: BoundedSubscriptions,
    openings: Arc<Openings>,
    turns: Arc<Turns>,
    backlog: Arc<Backlog>,
}

impl Subscriber {
    /// Messages go to `messages` and are counted in `backlog`.
    pub(crate) fn new(
        messages: mpsc::Sender<Box<RawValue>>,
        subscriptions_max: u32,
        backlog: Arc<Backlog>,
    ) -> Self {
        // Subscriptions of all connections share one table, so each needs a number of its own.
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        Self {
            id: ConnectionId(NEXT.fetch_add(1, Ordering::Relaxed)),
            messages: MethodSink::new(messages),
            places: BoundedSubscriptions::new(subscriptions_max),
            openings: Arc::default(),
            turns: Arc::default(),
            backlog,
        }
    }

    /// The answer is a message as well: it goes to the subscriber before the first one of the
    /// subscription.
    fn subscribe(
        self: &Arc<Self>,
        method: &SubscriptionMethod<'static>,
        request: &Request<'_>,
        is_batch: bool,
    ) -> Result<impl Future<Output = MethodResponse> + Send + use<>, RpcError> {
        // The answer of a batch is one message, and this one has to be a message of its own.
        if is_batch {
            return Err(RpcError::InvalidRequest(
                "subscribe in a request of its own, not in a batch",
            ));
        }
        let place = self.places.acquire().ok_or(RpcError::TooManySubscriptions)?;
        let state = SubscriptionState {
            conn_id: self.id,
            id_provider: &SubscriptionIds,
            subscription_permit: place,
        };
        let mut extensions = Extensions::new();
        extensions.insert(Arc::clone(&self.backlog));
        extensions.insert(self.openings.begin());
        extensions.insert(Arc::clone(&self.turns));
        let messages = self.messages.clone();
        let opened = method(request.id(), request.params(), messages, state, extensions);
        let backlog = Arc::clone(&self.backlog);
        Ok(async move {
            let response = opened.await;
            if response.is_subscription() {
                backlog.queued(response.as_json().get().len());
            }
            response
        })
    }
}

/// The innermost service: looks a method up and runs it. Batches are taken apart before they get
/// here.
#[derive(Debug, Clone)]
pub(crate) struct Dispatch {
    methods: Methods,
    response_bytes_max: usize,
    subscriber: Option<Arc<Subscriber>>,
}

impl Dispatch {
    /// The methods of a module, whose responses may be this long.
    pub(crate) const fn new(methods: Methods, response_bytes_max: usize) -> Self {
        Self { methods, response_bytes_max, subscriber: None }
    }

    /// The same with subscriptions.
    pub(crate) fn for_subscriber(&self, subscriber: Subscriber) -> Self {
        Self { subscriber: Some(Arc::new(subscriber)), ..self.clone() }
    }

    fn connection(&self) -> ConnectionId {
        self.subscriber.as_ref().map_or(ConnectionId(0), |subscriber| subscriber.id)
    }
}

/// A subscription is answered a moment before it can be cancelled, so one that is not known is asked
/// for again when those that are being opened are open.
async fn unsubscribe(
    method: impl Fn(Id<'_>, Params<'_>, ConnectionId, usize, Extensions) -> MethodResponse,
    request: Request<'_>,
    connection: ConnectionId,
    openings: Arc<Openings>,
    bytes_max: usize,
) -> MethodResponse {
    let ask = || {
        let (id, params) = (request.id(), request.params());
        method(id, params, connection, bytes_max, request.extensions.clone())
    };
    // Looked at first: what is open by now is found.
    let may_be_opening = openings.any();
    let response = ask();
    if !may_be_opening || !response.as_json().get().contains("\"result\":false") {
        return response;
    }
    openings.settled().await;
    ask()
}

impl Dispatch {
    /// Runs a method, or answers that there is none.
    pub(crate) fn call<'a>(
        &self,
        request: Request<'a>,
        is_batch: bool,
    ) -> impl Future<Output = MethodResponse> + Send + 'a {
        let (bytes_max, connection) = (self.response_bytes_max, self.connection());
        let Some(method) = self.methods.method(request.method_name()) else {
            let error = RpcError::UnknownMethod(request.method_name().to_owned());
            return Either::Left(ready(refuse(request.id, error)));
        };
        match (method, &self.subscriber) {
            (MethodCallback::Sync(method), _) => {
                let (id, params) = (request.id(), request.params());
                Either::Left(ready(method(id, params, bytes_max, request.extensions.clone())))
            }
            (MethodCallback::Async(method), _) => {
                let params = request.params().into_owned();
                let id = request.id.into_owned();
                Either::Right(method(id, params, connection, bytes_max, request.extensions))
            }
            (MethodCallback::Subscription(method), Some(subscriber)) => {
                match subscriber.subscribe(method, &request, is_batch) {
                    Ok(response) => Either::Right(Box::pin(response)),
                    Err(error) => Either::Left(ready(refuse(request.id, error))),
                }
            }
            (MethodCallback::Unsubscription(method), Some(subscriber)) => {
                let method = Arc::clone(method);
                let method =
                    move |id: Id<'_>, params: Params<'_>, connection, bytes_max, extensions| {
                        method(id, params, connection, bytes_max, extensions)
                    };
                let openings = Arc::clone(&subscriber.openings);
                Either::Right(Box::pin(unsubscribe(
                    method, request, connection, openings, bytes_max,
                )))
            }
            (MethodCallback::Subscription(_) | MethodCallback::Unsubscription(_), None) => {
                Either::Left(ready(refuse(request.id, RpcError::NotificationsUnsupported)))
            }
        }
    }
}

fn refuse(id: Id<'_>, error: RpcError) -> MethodResponse {
    MethodResponse::error(id, ErrorObjectOwned::from(error))
}
