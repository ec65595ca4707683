//! `docs/rpc.md`: the document of OpenRPC and the tables of limits, for people.

use serde_json::Value;
use std::{collections::BTreeMap, fmt::Write as _};

/// The page without its tables.
const TEMPLATE: &str = include_str!("page.md");
/// Where the bounds of a request and of a connection are defined, with what they mean.
const LIMITS: &str = include_str!("../../src/limits.rs");
const GATEWAY: &str = include_str!("../../../gateway/src/config.rs");

/// Lines of an answer that are shown.
const ANSWER_LINES_MAX: usize = 24;
/// Characters of a line that are shown.
const LINE_MAX: usize = 160;

/// The page of a document.
pub(crate) fn render(document: &Value) -> String {
    let methods = list(&document["methods"]);
    let subscribe = methods.iter().find(|method| method["name"] == "eth_subscribe").unwrap();
    let mut page = TEMPLATE.to_owned();
    for (name, text) in [
        ("{errors}", errors(&document["components"]["errors"])),
        ("{limits}", bounds(LIMITS, &[])),
        ("{gateway}", bounds(GATEWAY, &["http", "limit_loopback"])),
        ("{unsupported}", unsupported(&document["x-unsupported"])),
        ("{index}", index(methods)),
        ("{methods}", methods.iter().map(method).collect()),
        ("{subscriptions}", subscriptions(&subscribe["x-subscriptions"])),
        ("{types}", types(&document["components"]["schemas"])),
    ] {
        assert_eq!(page.matches(name).count(), 1, "the template has {name} once");
        page = page.replace(name, text.trim_end());
    }
    page
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// In a cell of a table `|` has to be escaped.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn errors(errors: &Value) -> String {
    let mut rows: Vec<_> = errors
        .as_object()
        .unwrap()
        .values()
        .map(|error| (error["code"].as_i64().unwrap(), cell(text(&error["message"]))))
        .collect();
    rows.sort_unstable();
    let rows = rows.iter().map(|(code, when)| format!("| {code} | {when} |\n"));
    format!("| Code | When |\n|---|---|\n{}", rows.collect::<String>())
}

fn unsupported(groups: &Value) -> String {
    let mut rows = String::from("| Methods | Why |\n|---|---|\n");
    for group in list(groups) {
        let names: Vec<_> =
            list(&group["methods"]).iter().map(|name| format!("`{}`", text(name))).collect();
        let _ = writeln!(rows, "| {} | {} |", names.join(", "), cell(text(&group["reason"])));
    }
    rows
}

fn index(methods: &[Value]) -> String {
    let mut namespaces: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for method in methods {
        let name = text(&method["name"]);
        let (namespace, short) = name.split_once('_').unwrap();
        let link = format!("[{short}](#{})", name.to_lowercase());
        namespaces.entry(namespace).or_default().push(link);
    }
    let mut rows = String::from("| Namespace | Methods |\n|---|---|\n");
    for (namespace, links) in namespaces {
        let _ = writeln!(rows, "| `{namespace}` | {} |", links.join(", "));
    }
    rows
}

/// Names of types link to the table of types.
fn type_link(notation: &str) -> String {
    let one = |name: &str| {
        let plain = name.trim_end_matches("[]");
        if plain == "null" {
            return plain.to_owned();
        }
        format!("[{name}](#{})", plain.to_lowercase())
    };
    notation.split('|').map(one).collect::<Vec<_>>().join(" or ")
}

fn method(method: &Value) -> String {
    let name = text(&method["name"]);
    let mut section = format!("### {name}\n\n{}\n\n", text(&method["summary"]));
    for param in list(&method["params"]) {
        let needed = if param["required"] == true { "" } else { ", optional" };
        let ty = type_link(text(&param["x-type"]));
        let _ = writeln!(section, "- `{}`: {ty}{needed}", text(&param["name"]));
    }
    let _ = writeln!(section, "- answers {}\n", type_link(text(&method["result"]["x-type"])));
    let example = &method["examples"][0];
    let params: Vec<_> =
        list(&example["params"]).iter().map(|param| param["value"].to_string()).collect();
    let asked = format!("{name}({})", params.join(", "));
    let answer = shown(&example["result"]["value"]);
    let _ = writeln!(section, "```js\n{asked}\n// {answer}\n```\n");
    section
}

/// The answer behind a comment: on one line if it is short.
fn shown(answer: &Value) -> String {
    let line = answer.to_string();
    if line.len() <= LINE_MAX {
        return line;
    }
    let pretty = serde_json::to_string_pretty(answer).unwrap();
    shortened(&pretty, ANSWER_LINES_MAX).replace('\n', "\n// ")
}

fn shortened(text: &str, lines_max: usize) -> String {
    let count = text.lines().count();
    let line = |line: &str| match line.char_indices().nth(LINE_MAX) {
        None => line.to_owned(),
        Some((end, _)) => format!("{}...", &line[..end]),
    };
    let mut lines: Vec<_> = text.lines().take(lines_max).map(line).collect();
    if count > lines_max {
        lines.push(format!("... {} more lines", count - lines_max));
    }
    lines.join("\n")
}

fn subscriptions(kinds: &Value) -> String {
    let mut rows = String::from("| Kind | Option | Message | |\n|---|---|---|---|\n");
    for kind in list(kinds) {
        let options = &kind["options"];
        let option = match options.is_null() {
            true => String::new(),
            false => {
                format!("`{}`: {}", text(&options["name"]), type_link(text(&options["x-type"])))
            }
        };
        let message = type_link(text(&kind["x-type"]));
        let (kind, summary) = (text(&kind["kind"]), cell(text(&kind["summary"])));
        let _ = writeln!(rows, "| `{kind}` | {option} | {message} | {summary} |");
    }
    rows
}

fn types(schemas: &Value) -> String {
    let mut sections = String::new();
    for (name, schema) in schemas.as_object().unwrap() {
        let _ = write!(sections, "### {name}\n\n{}\n\n", text(&schema["description"]));
        let required: Vec<_> = list(&schema["required"]).iter().map(text).collect();
        let fields = schema["properties"].as_object().into_iter().flatten();
        let fields: Vec<_> = fields
            .map(|(field, schema)| {
                let optional = if required.contains(&field.as_str()) { "" } else { "?" };
                format!("`{field}`{optional} {}", notation(schema))
            })
            .collect();
        if !fields.is_empty() {
            let _ = write!(sections, "Fields (`?`: may be missing): {}.\n\n", fields.join(", "));
        }
    }
    sections
}

/// The short notation of a schema, as far as it has one.
fn notation(schema: &Value) -> String {
    if let Some(path) = schema["$ref"].as_str() {
        return path.rsplit('/').next().unwrap_or_default().to_owned();
    }
    for choices in [&schema["anyOf"], &schema["oneOf"]] {
        if !choices.is_null() {
            return list(choices).iter().map(notation).collect::<Vec<_>>().join(" or ");
        }
    }
    match text(&schema["type"]) {
        "array" => format!("{}[]", notation(&schema["items"])),
        "" => "Json".to_owned(),
        other => other.to_owned(),
    }
}

/// A table of the public fields of a configuration in Rust and their defaults. The code is the
/// source: a field without a comment or a default fails here.
fn bounds(source: &str, left_out: &[&str]) -> String {
    let (fields, defaults) = source.split_once("impl Default").expect("fields, then defaults");
    let mut rows = String::from("| What | Default | Name |\n|---|---|---|\n");
    let mut comment = Vec::new();
    for line in fields.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("/// ") {
            comment.push(text);
            continue;
        }
        let field = line.strip_prefix("pub ").and_then(|line| line.split_once(':'));
        if let Some((name, _)) = field.filter(|(name, _)| !left_out.contains(name)) {
            assert!(!comment.is_empty(), "{name} says nothing of itself");
            let default = default_of(defaults, name);
            let what = comment.join(" ").replace(['[', ']'], "");
            let _ = writeln!(rows, "| {} | {} | `{name}` |", cell(&what), shown_as(name, default));
        }
        comment.clear();
    }
    rows
}

/// The expression of a field.
fn default_of<'a>(defaults: &'a str, name: &str) -> &'a str {
    let start = format!("{name}: ");
    let mut lines = defaults.lines().map(str::trim);
    let line = lines.find_map(|line| line.strip_prefix(&start));
    line.unwrap_or_else(|| panic!("{name} has no default")).trim_end_matches(',')
}

/// The number of an expression of literals; none for any other.
fn evaluated(expression: &str) -> Option<u128> {
    if let Some((number, shift)) = expression.split_once("<<") {
        return Some(evaluated(number)? << evaluated(shift)?);
    }
    if let Some((one, other)) = expression.split_once('*') {
        return Some(evaluated(one)? * evaluated(other)?);
    }
    expression.trim().replace('_', "").parse().ok()
}

fn shown_as(name: &str, expression: &str) -> String {
    let Some(number) = evaluated(expression) else {
        return match expression.strip_suffix(".div_ceil(2)") {
            Some(what) => format!("half the {what}"),
            None if expression == "cores" => "the cores".to_owned(),
            None => expression.replace(" * ", " × "),
        };
    };
    let grouped = grouped(number);
    if name.contains("_ms_") || name.ends_with("_ms") {
        return if number % 1_000 == 0 {
            format!("{} s", number / 1_000)
        } else {
            format!("{number} ms")
        };
    }
    if name.contains("bytes") {
        return match number {
            number if number % (1 << 20) == 0 => format!("{} MiB", number >> 20),
            number if number % (1 << 10) == 0 => format!("{} KiB", number >> 10),
            _ => format!("{grouped} bytes"),
        };
    }
    if name.ends_with("_wei") { format!("{grouped} wei") } else { grouped }
}

/// With a comma before every third digit.
fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[test]
fn numbers_are_shown_with_their_unit() {
    for (name, expression, shown) in [
        ("call_gas_max", "50_000_000", "50,000,000"),
        ("call_memory_bytes_max", "128 << 20", "128 MiB"),
        ("transaction_bytes_max", "128 * 1024", "128 KiB"),
        ("response_bytes_max", "25_000_000", "25,000,000 bytes"),
        ("call_time_ms_max", "5_000", "5 s"),
        ("pause_ms", "1_500", "1500 ms"),
        ("default_tip_wei", "1_000_000", "1,000,000 wei"),
        ("reads_running_max", "2 * cores", "2 × cores"),
        ("logs_running_max", "cores.div_ceil(2)", "half the cores"),
    ] {
        assert_eq!(shown_as(name, expression), shown);
    }
}
