//! From the short notation of types to JSON Schema.

use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// JSON Schema of each name.
static SCHEMAS: LazyLock<Map<String, Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("schemas.json")).unwrap_or_default());

/// All names with their schemas, for `components.schemas`.
pub(crate) fn schemas() -> &'static Map<String, Value> {
    &SCHEMAS
}

/// The schema of a type: names separated by `|`, each with `[]` behind it for a list; `null` is one
/// of them.
pub(crate) fn schema(notation: &str) -> Value {
    let mut choices: Vec<Value> = notation.split('|').map(one).collect();
    match choices.pop() {
        Some(only) if choices.is_empty() => only,
        last => {
            choices.extend(last);
            json!({ "anyOf": choices })
        }
    }
}

fn one(name: &str) -> Value {
    match name.strip_suffix("[]") {
        Some(element) => json!({"type": "array", "items": one(element)}),
        None if name == "null" => json!({"type": "null"}),
        None => json!({"$ref": format!("#/components/schemas/{name}")}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names that `value` refers to.
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    match value.as_str().filter(|_| key == "$ref") {
                        Some(path) => found.push(path.to_owned()),
                        None => references(value, found),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn lists_and_alternatives_are_read() {
        let log = json!({"$ref": "#/components/schemas/Log"});
        assert_eq!(schema("Log"), log);
        assert_eq!(schema("Log[]"), json!({"type": "array", "items": log}));
        let list = json!({"type": "array", "items": log});
        assert_eq!(schema("Log[]|null"), json!({"anyOf": [list, {"type": "null"}]}));
    }

    #[test]
    fn schemas_refer_to_schemas_that_are_there() {
        let mut found = Vec::new();
        references(&json!(schemas()), &mut found);
        assert!(found.len() > 50, "the table of schemas is read");
        for path in found {
            let name = path.strip_prefix("#/components/schemas/").unwrap();
            assert!(schemas().contains_key(name), "{path}");
        }
    }
}
