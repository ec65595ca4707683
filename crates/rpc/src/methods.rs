//! The methods by name, and how each is run.

use crate::{
    client::ClientId,
    context::Context,
    error::RpcError,
    metrics::{self, MethodMetrics, UNKNOWN},
    output::Output,
    params::Args,
    request::{Call, RequestId},
    work::{Cancel, Class},
};
use alloy_primitives::map::HashMap;
use jsonrpsee::RpcModule;
use std::{fmt, sync::Arc};

/// Writes its result.
pub(crate) type RunInline = Box<
    dyn Fn(&Context, Option<ClientId>, &Args<'_>, &mut Output) -> Result<(), RpcError>
        + Send
        + Sync,
>;
/// Writes its result, or says that it takes work.
pub(crate) type RunFirst =
    Box<dyn Fn(&Context, &Args<'_>, &mut Output) -> Result<bool, RpcError> + Send + Sync>;
/// Writes its result, on a thread that may block.
pub(crate) type RunWork =
    Arc<dyn Fn(&Context, &Args<'_>, &Cancel, &mut Output) -> Result<(), RpcError> + Send + Sync>;

/// How a method is run.
pub(crate) enum Run {
    /// On the thread that read the request.
    Inline(RunInline),
    /// As work of a class, unless `first` has the answer.
    Work { class: Class, first: Option<RunFirst>, then: RunWork },
    /// By jsonrpsee's module: subscriptions.
    Module,
}

pub(crate) struct Served {
    pub(crate) run: Run,
    /// The most parameters it takes.
    pub(crate) params_max: usize,
    pub(crate) metrics: MethodMetrics,
}

/// Everything a node answers. Cheap to clone.
#[derive(Clone)]
pub struct RpcMethods {
    pub(crate) served: Arc<HashMap<&'static str, Served>>,
    pub(crate) unknown: MethodMetrics,
    pub(crate) context: Option<Arc<Context>>,
    module: RpcModule<()>,
}

impl fmt::Debug for RpcMethods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RpcMethods").finish_non_exhaustive()
    }
}

impl From<RpcModule<()>> for RpcMethods {
    /// Methods of whatever kind. Install the metrics recorder first.
    fn from(module: RpcModule<()>) -> Self {
        Self::new(HashMap::default(), module, None)
    }
}

impl RpcMethods {
    pub(crate) fn new(
        mut served: HashMap<&'static str, Served>,
        module: RpcModule<()>,
        context: Option<Arc<Context>>,
    ) -> Self {
        metrics::describe();
        for name in module.method_names() {
            let metrics = MethodMetrics::new(name);
            served.insert(name, Served { run: Run::Module, params_max: usize::MAX, metrics });
        }
        let unknown = MethodMetrics::new(UNKNOWN);
        Self { served: Arc::new(served), unknown, context, module }
    }

    /// The subscriptions, and other methods that were given as a module.
    pub const fn module(&self) -> &RpcModule<()> {
        &self.module
    }
}

/// Runs a method inline; none when it takes work.
pub(crate) fn try_inline(
    served: &Served,
    (context, client): (&Context, Option<ClientId>),
    call: &Call<'_>,
    output: &mut Output,
) -> Option<Option<i32>> {
    let args = || Args::parse(call.params, served.params_max);
    match &served.run {
        Run::Inline(run) => {
            Some(output.answer(call.id, |output| run(context, client, &args()?, output)))
        }
        Run::Work { first: Some(first), .. } => {
            let start = output.len();
            let mut found = true;
            let code = output.answer(call.id, |output| {
                found = first(context, &args()?, output)?;
                Ok(())
            });
            if !found {
                output.truncate(start);
                return None;
            }
            Some(code)
        }
        Run::Work { first: None, .. } | Run::Module => None,
    }
}

/// Runs a method as work. The whole answer is put together where it may take its time: it can be
/// 25 MB. With the code of the error, if it is one.
pub(crate) async fn work(
    context: &Arc<Context>,
    (class, then, params_max): (Class, &RunWork, usize),
    call: &Call<'_>,
    bytes_max: usize,
) -> (Output, Option<i32>) {
    let (shared, then) = (Arc::clone(context), Arc::clone(then));
    let (id, params) = (call.id.json().to_owned(), call.params.map(str::to_owned));
    let job = move |cancel: &Cancel| {
        let mut output = Output::new(bytes_max);
        let code = output.answer(RequestId::of_json(&id), |output| {
            then(&shared, &Args::parse(params.as_deref(), params_max)?, cancel, output)
        });
        Ok((output, code))
    };
    match context.workers.run(class, job).await {
        Ok(answer) => answer,
        Err(error) => {
            let mut output = Output::new(bytes_max);
            let code = output.refuse(call.id, error);
            (output, Some(code))
        }
    }
}
