//! What a method is called, takes and gives: the one source of its registration, of `rpc_discover`
//! and of `docs/rpc.md`.

/// A method as its callers see it.
///
/// Types are named in a short notation: the name of an entry of the table of schemas
/// (`discovery`), `[]` behind it for a list, `|null` for an answer that may be missing, as in
/// `Log[]` or `Block|null`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Method {
    /// Namespace, underscore, name.
    pub(crate) name: &'static str,
    /// One sentence: what the caller gets.
    pub(crate) summary: &'static str,
    /// Positional parameters in order; a request with more is refused.
    pub(crate) params: &'static [Param],
    /// Type of the result.
    pub(crate) result: &'static str,
    /// Parameters of an example, as JSON. A test asks it of a small chain (`tests/it/example_chain`)
    /// and records the answer.
    pub(crate) example: &'static str,
}

/// A kind of subscription: what `eth_subscribe` takes first, and what its messages hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subscription {
    /// The first parameter.
    pub(crate) kind: &'static str,
    /// One sentence: what is announced, and when.
    pub(crate) summary: &'static str,
    /// The second parameter, if it takes one.
    pub(crate) options: Option<Param>,
    /// Type of `params.result` of its messages.
    pub(crate) message: &'static str,
}

/// A positional parameter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Param {
    /// The name, in camel case.
    pub(crate) name: &'static str,
    /// Its type.
    pub(crate) schema: &'static str,
    /// Whether it must be given.
    pub(crate) required: bool,
}

impl Param {
    /// A parameter that must be given.
    pub(crate) const fn required(name: &'static str, schema: &'static str) -> Self {
        Self { name, schema, required: true }
    }

    /// A parameter that may be left out.
    pub(crate) const fn optional(name: &'static str, schema: &'static str) -> Self {
        Self { name, schema, required: false }
    }
}
