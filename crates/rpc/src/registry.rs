//! Putting methods into the module that serves them.
//!
//! A method is a plain function of the context and its arguments. How it runs is said where it is
//! registered:
//! - **inline**, on the thread that read the request: for what needs no store, and for reads of
//!   single values. Such a read walks four or five pages of a memory map, a few microseconds;
//!   handing it to another thread and back costs more than that.
//! - **as work** of a class, on a thread that may block, with a bounded number of places.

use crate::{
    client::ClientId,
    context::{Context, RpcContext},
    debug, discovery, erigon,
    error::RpcError,
    eth,
    method::Method,
    mfenx,
    namespace::Namespace,
    net, ots,
    params::Args,
    testing, trace, txpool,
    unsent::Held,
    web3,
    work::{Cancel, Class},
};
use jsonrpsee::{
    MethodCallback, MethodResponse, RpcModule,
    core::RegisterMethodError,
    server::ResponsePayload,
    types::{ErrorObjectOwned, Id, Params},
};
use serde::Serialize;
use std::sync::Arc;

/// A method that runs inline.
pub(crate) type Inline<T> = fn(&Context, &Args<'_>) -> Result<T, RpcError>;
/// A method that runs inline and counts what a client has.
pub(crate) type InlineForClient<T> =
    fn(&Context, &Args<'_>, Option<ClientId>) -> Result<T, RpcError>;
/// A method that runs as work.
pub(crate) type Work<T> = fn(&Context, &Args<'_>, &Cancel) -> Result<T, RpcError>;

/// The methods of `namespaces`, and `rpc_modules`. Install the metrics recorder and start a tokio
/// runtime before it is served.
///
/// # Errors
/// Two methods have the same name, which is a bug.
pub fn module(
    context: RpcContext,
    namespaces: &[Namespace],
) -> Result<RpcModule<()>, RegisterMethodError> {
    let context = Arc::new(Context::new(context, namespaces));
    let mut registry =
        Registry { module: RpcModule::new(()), context: Arc::clone(&context), methods: Vec::new() };
    discovery::register(&mut registry)?;
    for namespace in &context.namespaces {
        match namespace {
            Namespace::Eth => eth::register(&mut registry)?,
            Namespace::Net => net::register(&mut registry)?,
            Namespace::Web3 => web3::register(&mut registry)?,
            Namespace::Txpool => txpool::register(&mut registry)?,
            Namespace::Mfenx => mfenx::register(&mut registry)?,
            Namespace::Debug => debug::register(&mut registry)?,
            Namespace::Trace => trace::register(&mut registry)?,
            Namespace::Ots => ots::register(&mut registry)?,
            Namespace::Erigon => erigon::register(&mut registry)?,
            Namespace::Testing => testing::register(&mut registry)?,
        }
    }
    Ok(registry.module)
}

/// The module under construction.
pub(crate) struct Registry {
    pub(crate) module: RpcModule<()>,
    pub(crate) context: Arc<Context>,
    /// Those registered so far, for `rpc_discover`.
    #[allow(dead_code)]
    pub(crate) methods: Vec<&'static Method>,
}

impl Registry {
    /// Adds a method that runs inline.
    pub(crate) fn inline<T: Serialize + Clone + Send + 'static>(
        &mut self,
        method: &'static Method,
        run: Inline<T>,
    ) -> Result<(), RegisterMethodError> {
        self.methods.push(method);
        self.named_inline(method.name, method.params.len(), run)
    }

    /// Adds a method that runs inline and is told who asks.
    pub(crate) fn inline_for_client<T: Serialize + Clone + Send + 'static>(
        &mut self,
        method: &'static Method,
        run: InlineForClient<T>,
    ) -> Result<(), RegisterMethodError> {
        self.methods.push(method);
        let (context, most) = (Arc::clone(&self.context), method.params.len());
        let callback = MethodCallback::Sync(Arc::new(move |id, params, bytes_max, extensions| {
            let client = extensions.get::<Arc<Held>>().and_then(|held| held.client());
            let result =
                Args::parse(params.as_str(), most).and_then(|args| run(&context, &args, client));
            respond(id, result, bytes_max).with_extensions(extensions)
        }));
        self.module.verify_and_insert(method.name, callback)?;
        Ok(())
    }

    /// Adds a method that runs as work.
    pub(crate) fn work<T: Serialize + Clone + Send + 'static>(
        &mut self,
        class: Class,
        method: &'static Method,
        run: Work<T>,
    ) -> Result<(), RegisterMethodError> {
        self.methods.push(method);
        self.named_work(class, method.name, method.params.len(), run)
    }

    /// Adds a method that asks `first` inline, and runs `then` as work when that has no answer.
    pub(crate) fn inline_or_work<T: Serialize + Clone + Send + 'static>(
        &mut self,
        class: Class,
        method: &'static Method,
        first: Inline<Option<T>>,
        then: Work<T>,
    ) -> Result<(), RegisterMethodError> {
        self.methods.push(method);
        self.named_inline_or_work(class, method.name, method.params.len(), first, then)
    }

    /// Adds a method with at most `most` parameters that runs inline.
    pub(crate) fn named_inline<T: Serialize + Clone + Send + 'static>(
        &mut self,
        name: &'static str,
        most: usize,
        method: Inline<T>,
    ) -> Result<(), RegisterMethodError> {
        let context = Arc::clone(&self.context);
        let callback = MethodCallback::Sync(Arc::new(move |id, params, bytes_max, extensions| {
            let result =
                Args::parse(params.as_str(), most).and_then(|args| method(&context, &args));
            respond(id, result, bytes_max).with_extensions(extensions)
        }));
        self.module.verify_and_insert(name, callback)?;
        Ok(())
    }

    /// Adds a method with at most `most` parameters that runs as work.
    pub(crate) fn named_work<T: Serialize + Clone + Send + 'static>(
        &mut self,
        class: Class,
        name: &'static str,
        most: usize,
        method: Work<T>,
    ) -> Result<(), RegisterMethodError> {
        self.named_inline_or_work(class, name, most, |_, _| Ok(None), method)
    }

    /// Adds a method that asks `first` inline, and runs `then` as work when that has no answer.
    pub(crate) fn named_inline_or_work<T: Serialize + Clone + Send + 'static>(
        &mut self,
        class: Class,
        name: &'static str,
        most: usize,
        first: Inline<Option<T>>,
        then: Work<T>,
    ) -> Result<(), RegisterMethodError> {
        let context = Arc::clone(&self.context);
        let callback =
            MethodCallback::Async(Arc::new(move |id, params, _, bytes_max, extensions| {
                let context = Arc::clone(&context);
                Box::pin(async move {
                    let response =
                        answer(&context, class, most, (first, then), (id, params), bytes_max).await;
                    response.with_extensions(extensions)
                })
            }));
        self.module.verify_and_insert(name, callback)?;
        Ok(())
    }
}

async fn answer<T: Serialize + Clone + Send + 'static>(
    context: &Arc<Context>,
    class: Class,
    most: usize,
    (first, then): (Inline<Option<T>>, Work<T>),
    (id, params): (Id<'static>, Params<'static>),
    bytes_max: usize,
) -> MethodResponse {
    let quick = Args::parse(params.as_str(), most).and_then(|args| first(context, &args));
    match quick {
        Ok(Some(value)) => return respond(id, Ok(value), bytes_max),
        Ok(None) => {}
        Err(error) => return respond::<()>(id, Err(error), bytes_max),
    }
    let shared = Arc::clone(context);
    let asked = id.clone();
    // The response is put together where it may take its time: it can be 25 MB.
    let job = move |cancel: &Cancel| {
        let result =
            Args::parse(params.as_str(), most).and_then(|args| then(&shared, &args, cancel));
        Ok(respond(asked, result, bytes_max))
    };
    match context.workers.run(class, job).await {
        Ok(response) => response,
        Err(error) => respond::<()>(id, Err(error), bytes_max),
    }
}

fn respond<T: Serialize + Clone>(
    id: Id<'_>,
    result: Result<T, RpcError>,
    bytes_max: usize,
) -> MethodResponse {
    match result {
        Ok(value) => MethodResponse::response(id, ResponsePayload::success(value), bytes_max),
        Err(error) => MethodResponse::error(id, ErrorObjectOwned::from(error)),
    }
}
