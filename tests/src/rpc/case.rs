//! Reading `.io` files: `>>` a request, `<<` the response to it, `//` a comment.

use eyre::{WrapErr, bail, ensure, eyre};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// One file.
#[derive(Debug)]
pub(crate) struct Case {
    /// `METHOD/case`.
    pub(crate) name: String,
    /// Whether the responses are examples, of which only the shape is demanded.
    pub(crate) spec_only: bool,
    /// Requests with their responses, in order.
    pub(crate) exchanges: Vec<Exchange>,
}

/// A request and what must be answered.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// The body, byte for byte as the file has it.
    pub(crate) request: String,
    /// The expected response.
    pub(crate) response: Value,
}

/// The cases of a directory in the order of their names; with `only`, those of one method or the
/// one named `METHOD/case`.
///
/// # Errors
/// The directory cannot be read, holds no case or none of that name, or a file is not a case.
pub(crate) fn load(fixtures: &Path, only: Option<&str>) -> eyre::Result<Vec<Case>> {
    let mut files = Vec::new();
    for method in entries(fixtures)? {
        if method.is_dir() {
            let cases = entries(&method)?.into_iter();
            files.extend(cases.filter(|path| path.extension().is_some_and(|ext| ext == "io")));
        }
    }
    let mut named = Vec::new();
    for path in files {
        let relative = path.strip_prefix(fixtures)?.with_extension("");
        let name = relative.to_str().ok_or_else(|| eyre!("{} is not UTF-8", path.display()))?;
        named.push((name.replace('\\', "/"), path));
    }
    named.sort_unstable();
    ensure!(
        !named.is_empty(),
        "{} holds no METHOD/case.io: is it a directory of RPC fixtures?",
        fixtures.display()
    );
    if let Some(only) = only {
        let wanted = only.trim_end_matches(".io").trim_end_matches('/');
        let method = format!("{wanted}/");
        named.retain(|(name, _)| name == wanted || name.starts_with(&method));
        ensure!(!named.is_empty(), "{} holds no case of {wanted}", fixtures.display());
    }
    named.into_iter().map(|(name, path)| read(name, &path)).collect()
}

fn entries(directory: &Path) -> eyre::Result<Vec<PathBuf>> {
    let listing = || format!("cannot list {}", directory.display());
    let entries = fs::read_dir(directory).wrap_err_with(listing)?;
    entries.map(|entry| entry.map(|entry| entry.path()).wrap_err_with(listing)).collect()
}

fn read(name: String, path: &Path) -> eyre::Result<Case> {
    let text = fs::read_to_string(path).wrap_err_with(|| format!("cannot read {name}"))?;
    parse(name.clone(), &text).wrap_err(name)
}

/// Reads the text of a case.
///
/// # Errors
/// A line is none of the three kinds or not JSON, or requests and responses do not alternate.
pub(crate) fn parse(name: String, text: &str) -> eyre::Result<Case> {
    let mut case = Case { name, spec_only: false, exchanges: Vec::new() };
    let mut request: Option<String> = None;
    let mut in_header = true;
    for (index, line) in text.lines().enumerate() {
        let (number, line) = (index + 1, line.trim());
        if let Some(comment) = line.strip_prefix("//") {
            // A remark between requests says nothing about how they are checked.
            case.spec_only |= in_header && comment.trim_start().starts_with("speconly:");
        } else if let Some(body) = line.strip_prefix(">>") {
            in_header = false;
            let body = body.trim();
            serde_json::from_str::<Value>(body).wrap_err_with(|| format!("line {number}"))?;
            if request.replace(body.to_owned()).is_some() {
                bail!("line {number}: the request before has no response");
            }
        } else if let Some(body) = line.strip_prefix("<<") {
            let Some(request) = request.take() else {
                bail!("line {number}: a response without a request");
            };
            let response = serde_json::from_str(body).wrap_err_with(|| format!("line {number}"))?;
            case.exchanges.push(Exchange { request, response });
        } else if !line.is_empty() {
            bail!("line {number} begins with none of `>>`, `<<` and `//`");
        }
    }
    ensure!(request.is_none(), "the last request has no response");
    ensure!(!case.exchanges.is_empty(), "there is no request");
    Ok(case)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_in_order_and_comments_may_ask_for_the_shape_only() {
        let text = "// gets\n// speconly: shape\n>> {\"id\":1}\n<< {\"id\":1}\n\n>>{\"id\":2}\n<<{\"id\":3}";
        let case = parse("a/b".into(), text).unwrap();
        assert!(case.spec_only);
        let pairs: Vec<_> = case.exchanges.iter().map(|pair| pair.request.as_str()).collect();
        assert_eq!(pairs, ["{\"id\":1}", "{\"id\":2}"]);
        assert_eq!(case.exchanges[1].response["id"], 3);
        let late = ">> 1\n// speconly: too late\n<< 1";
        assert!(!parse("a/b".into(), late).unwrap().spec_only);
    }

    #[test]
    fn a_damaged_file_is_told_by_its_line() {
        for (text, reason) in [
            (">> {}\n>> {}\n<< {}", "line 2"),
            ("<< {}", "line 1: a response without a request"),
            (">> {\n<< {}", "line 1"),
            (">> {}\n<< {", "line 2"),
            (">> {}\n<< {}\n--", "line 3 begins with none"),
            (">> {}", "the last request has no response"),
            ("// nothing", "there is no request"),
        ] {
            let error = format!("{:#}", parse("a/b".into(), text).unwrap_err());
            assert!(error.contains(reason), "{text:?}: {error}");
        }
    }

    #[test]
    fn one_method_or_one_case_can_be_picked_and_a_wrong_directory_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let empty = load(dir.path(), None).unwrap_err().to_string();
        assert!(empty.contains("holds no METHOD/case.io"), "{empty}");
        assert!(load(&dir.path().join("missing"), None).is_err());
        for (method, case) in [("eth_b", "two"), ("eth_b", "one"), ("eth_a", "one")] {
            let folder = dir.path().join(method);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(format!("{case}.io")), ">> 1\n<< 1").unwrap();
        }
        let names = |only| -> Vec<_> {
            load(dir.path(), only).unwrap().into_iter().map(|case| case.name).collect()
        };
        assert_eq!(names(None), ["eth_a/one", "eth_b/one", "eth_b/two"]);
        assert_eq!(names(Some("eth_b")), ["eth_b/one", "eth_b/two"]);
        assert_eq!(names(Some("eth_b/two")), ["eth_b/two"]);
        assert!(load(dir.path(), Some("eth_")).is_err());
    }
}
