//! Calling methods, and opening subscriptions where the transport can carry them.

use crate::{error::RpcError, subscription_id::SubscriptionIds, unsent::Backlog};
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
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::mpsc;

/// How often, and with what pause, a subscription that is not known is looked for.
const UNSUBSCRIBE_TRIES: u32 = 20;
const UNSUBSCRIBE_PAUSE: Duration = Duration::from_millis(5);

/// A connection that can carry messages which nobody asked for one by one.
#[derive(Debug)]
pub(crate) struct Subscriber {
    id: ConnectionId,
    messages: MethodSink,
    places: BoundedSubscriptions,
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
            backlog,
        }
    }

    /// The answer is a message as well: it goes to the subscriber before the first one of the
    /// subscription.
    fn subscribe(
        self: &Arc<Self>,
        method: &SubscriptionMethod<'static>,
        request: &Request<'_>,
    ) -> Result<impl Future<Output = MethodResponse> + Send + use<>, RpcError> {
        let place = self.places.acquire().ok_or(RpcError::TooManySubscriptions)?;
        let state = SubscriptionState {
            conn_id: self.id,
            id_provider: &SubscriptionIds,
            subscription_permit: place,
        };
        let mut extensions = Extensions::new();
        extensions.insert(Arc::clone(&self.backlog));
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
/// for again for a while.
async fn unsubscribe(
    method: impl Fn(Id<'_>, Params<'_>, ConnectionId, usize, Extensions) -> MethodResponse,
    request: Request<'_>,
    connection: ConnectionId,
    bytes_max: usize,
) -> MethodResponse {
    let mut tries = 1..UNSUBSCRIBE_TRIES;
    loop {
        let (id, params) = (request.id(), request.params());
        let response = method(id, params, connection, bytes_max, request.extensions.clone());
        let is_unknown = response.as_json().get().contains("\"result\":false");
        if !is_unknown || tries.next().is_none() {
            return response;
        }
        tokio::time::sleep(UNSUBSCRIBE_PAUSE).await;
    }
}

impl Dispatch {
    /// Runs a method, or answers that there is none.
    pub(crate) fn call<'a>(
        &self,
        request: Request<'a>,
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
                match subscriber.subscribe(method, &request) {
                    Ok(response) => Either::Right(Box::pin(response)),
                    Err(error) => Either::Left(ready(refuse(request.id, error))),
                }
            }
            (MethodCallback::Unsubscription(method), Some(_)) => {
                let method = Arc::clone(method);
                let method =
                    move |id: Id<'_>, params: Params<'_>, connection, bytes_max, extensions| {
                        method(id, params, connection, bytes_max, extensions)
                    };
                Either::Right(Box::pin(unsubscribe(method, request, connection, bytes_max)))
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
