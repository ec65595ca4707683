//! Calling methods over a transport that cannot carry subscriptions.

use crate::{error::RpcError, middleware::refuse};
use futures_util::future::Either;
use jsonrpsee::{
    ConnectionId, MethodCallback, MethodResponse, Methods,
    core::middleware::{Batch, Notification, Request, RpcServiceT},
};
use std::future::{Future, ready};

/// The innermost service: looks a method up and runs it. Batches are taken apart before they get
/// here.
#[derive(Debug, Clone)]
pub struct Dispatch {
    methods: Methods,
    response_bytes_max: usize,
}

impl Dispatch {
    /// The methods of a module, whose responses may be this long.
    pub const fn new(methods: Methods, response_bytes_max: usize) -> Self {
        Self { methods, response_bytes_max }
    }
}

impl RpcServiceT for Dispatch {
    type MethodResponse = MethodResponse;
    type NotificationResponse = MethodResponse;
    type BatchResponse = MethodResponse;

    fn call<'a>(&self, request: Request<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let bytes_max = self.response_bytes_max;
        let Some(method) = self.methods.method(request.method_name()) else {
            let error = RpcError::UnknownMethod(request.method_name().to_owned());
            return Either::Left(ready(refuse(request.id, error)));
        };
        match method {
            MethodCallback::Sync(method) => {
                let params = request.params();
                let id = request.id();
                let response = method(id, params, bytes_max, request.extensions.clone());
                Either::Left(ready(response))
            }
            MethodCallback::Async(method) => {
                let params = request.params().into_owned();
                let id = request.id.into_owned();
                Either::Right(method(id, params, ConnectionId(0), bytes_max, request.extensions))
            }
            MethodCallback::Subscription(_) | MethodCallback::Unsubscription(_) => {
                Either::Left(ready(refuse(request.id, RpcError::NotificationsUnsupported)))
            }
        }
    }

    fn batch<'a>(&self, _: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        ready(refuse(jsonrpsee::types::Id::Null, RpcError::InvalidRequest("unexpected batch")))
    }

    fn notification<'a>(
        &self,
        _: Notification<'a>,
    ) -> impl Future<Output = MethodResponse> + Send + 'a {
        ready(MethodResponse::notification())
    }
}
