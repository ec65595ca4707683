//! The document of OpenRPC 1.3.2.

use super::{
    errors::{self, CODES},
    notation::{schema, schemas},
    unsupported::UNSUPPORTED,
};
use crate::{
    eth::KINDS,
    method::{Method, Param},
};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// Version of the specification that the document follows.
const OPENRPC: &str = "1.3.2";

/// What each method has answered to its example.
static RESULTS: LazyLock<Map<String, Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("examples.json")).unwrap_or_default());

/// The description of `methods`.
pub(crate) fn document(methods: &[&'static Method]) -> Value {
    let mut methods = methods.to_vec();
    methods.sort_unstable_by_key(|method| method.name);
    let errors: Map<String, Value> = CODES
        .iter()
        .map(|code| (code.name.to_owned(), json!({"code": code.code, "message": code.when})))
        .collect();
    json!({
        "openrpc": OPENRPC,
        "info": {
            "title": "MFENX JSON-RPC",
            "description": "Every method that this node answers, over HTTP and WebSocket.",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "methods": methods.iter().map(|method| describe(method)).collect::<Vec<_>>(),
        "components": {"schemas": schemas(), "errors": errors},
        "x-unsupported": UNSUPPORTED
            .iter()
            .map(|(names, reason)| json!({"methods": names, "reason": reason}))
            .collect::<Vec<_>>(),
    })
}

fn describe(method: &Method) -> Value {
    let namespace = method.name.split('_').next().unwrap_or_default();
    let errors = errors::of(method);
    let errors = errors.iter().map(|name| json!({"$ref": format!("#/components/errors/{name}")}));
    let mut description = json!({
        "name": method.name,
        "summary": sentence(method.summary),
        "tags": [{"name": namespace}],
        "paramStructure": "by-position",
        "params": method.params.iter().map(parameter).collect::<Vec<_>>(),
        "result": {"name": "result", "schema": schema(method.result), "x-type": method.result},
        "errors": errors.collect::<Vec<_>>(),
    });
    if method.name == "eth_subscribe" {
        description["x-subscriptions"] = KINDS
            .iter()
            .map(|kind| {
                json!({
                    "kind": kind.kind,
                    "summary": sentence(kind.summary),
                    "options": kind.options.as_ref().map(parameter),
                    "message": schema(kind.message),
                    "x-type": kind.message,
                })
            })
            .collect();
    }
    description["examples"] = json!([example(method)]);
    description
}

fn example(method: &Method) -> Value {
    let asked: Vec<Value> = serde_json::from_str(method.example).unwrap_or_default();
    let params = asked.into_iter().zip(method.params);
    let mut example = json!({
        "name": method.name,
        "params": params
            .map(|(value, param)| json!({"name": param.name, "value": value}))
            .collect::<Vec<_>>(),
    });
    if let Some(result) = RESULTS.get(method.name) {
        example["result"] = json!({"name": "result", "value": result});
    }
    example
}

fn parameter(param: &Param) -> Value {
    json!({
        "name": param.name,
        "required": param.required,
        "schema": schema(param.schema),
        "x-type": param.schema,
    })
}

/// With its full stop.
fn sentence(text: &str) -> String {
    let text = text.trim_end_matches('.');
    format!("{text}.")
}
