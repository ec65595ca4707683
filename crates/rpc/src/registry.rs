//! Putting methods into the table that they are served from.
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
    methods::{RpcMethods, Run, RunFirst, RunInline, RunWork, Served},
    metrics::MethodMetrics,
    mfenx,
    namespace::Namespace,
    net, ots,
    output::Output,
    params::Args,
    recording::Json,
    testing, trace, txpool, web3,
    work::{Cancel, Class},
};
use alloy_primitives::map::HashMap;
use jsonrpsee::{RpcModule, core::RegisterMethodError};
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
pub fn methods(
    context: RpcContext,
    namespaces: &[Namespace],
) -> Result<RpcMethods, RegisterMethodError> {
    let context = Arc::new(Context::new(context, namespaces));
    let mut registry = Registry {
        module: RpcModule::new(()),
        context: Arc::clone(&context),
        methods: Vec::new(),
        served: HashMap::default(),
    };
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
    context.surface.complete(registry.methods);
    Ok(RpcMethods::new(registry.served, registry.module, Some(context)))
}

/// The methods under construction.
pub(crate) struct Registry {
    /// Subscriptions.
    pub(crate) module: RpcModule<()>,
    pub(crate) context: Arc<Context>,
    /// Those registered so far, for `rpc_discover`.
    pub(crate) methods: Vec<&'static Method>,
    served: HashMap<&'static str, Served>,
}

impl Registry {
    /// Adds a method that runs inline.
    pub(crate) fn inline<T: Serialize + 'static>(
        &mut self,
        method: &'static Method,
        run: Inline<T>,
    ) -> Result<(), RegisterMethodError> {
        let run: RunInline =
            Box::new(move |context, _, args, output| output.result(&run(context, args)?));
        self.add(method, Run::Inline(run))
    }

    /// Adds a method that runs inline and is told who asks.
    pub(crate) fn inline_for_client<T: Serialize + 'static>(
        &mut self,
        method: &'static Method,
        run: InlineForClient<T>,
    ) -> Result<(), RegisterMethodError> {
        let run: RunInline = Box::new(move |context, client, args, output| {
            output.result(&run(context, args, client)?)
        });
        self.add(method, Run::Inline(run))
    }

    /// Adds a method that runs as work.
    pub(crate) fn work<T: Serialize + 'static>(
        &mut self,
        class: Class,
        method: &'static Method,
        run: Work<T>,
    ) -> Result<(), RegisterMethodError> {
        self.add(method, Run::Work { class, first: None, then: writing(run) })
    }

    /// Adds a method that runs as work and gives JSON that it has written itself; none is `null`.
    pub(crate) fn work_json(
        &mut self,
        class: Class,
        method: &'static Method,
        run: Work<Option<Json>>,
    ) -> Result<(), RegisterMethodError> {
        let then: RunWork = Arc::new(move |context, args, cancel, output| {
            let json = run(context, args, cancel)?;
            output.json(json.as_ref().map_or(b"null", Json::as_bytes))
        });
        self.add(method, Run::Work { class, first: None, then })
    }

    /// Adds a method that asks `first` inline, and runs `then` as work when that has no answer.
    pub(crate) fn inline_or_work<T: Serialize + 'static>(
        &mut self,
        class: Class,
        method: &'static Method,
        first: Inline<Option<T>>,
        then: Work<T>,
    ) -> Result<(), RegisterMethodError> {
        let first = move |context: &Context, args: &Args<'_>, output: &mut Output| {
            let Some(value) = first(context, args)? else { return Ok(false) };
            output.result(&value).map(|()| true)
        };
        let first: RunFirst = Box::new(first);
        self.add(method, Run::Work { class, first: Some(first), then: writing(then) })
    }

    /// Describes methods that are put into `module` by other means.
    pub(crate) fn describe(&mut self, methods: &[&'static Method]) {
        self.methods.extend(methods);
    }

    fn add(&mut self, method: &'static Method, run: Run) -> Result<(), RegisterMethodError> {
        let Method { name, params, .. } = *method;
        self.methods.push(method);
        let served = Served { run, params_max: params.len(), metrics: MethodMetrics::new(name) };
        match self.served.insert(name, served) {
            None => Ok(()),
            Some(_) => Err(RegisterMethodError::AlreadyRegistered(name.to_owned())),
        }
    }
}

fn writing<T: Serialize + 'static>(run: Work<T>) -> RunWork {
    Arc::new(move |context, args, cancel, output| output.result(&run(context, args, cancel)?))
}
