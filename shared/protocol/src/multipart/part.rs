//! One part of a form: what its head says of the body that follows.

use std::borrow::Cow;

const LONGEST_NAME: usize = 64;

/// One part of a form.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    /// The field's name.
    pub(crate) name: Cow<'a, str>,
    /// Its bytes.
    pub(crate) body: &'a [u8],
    /// Set if the part is a file.
    pub(crate) file: Option<File>,
    /// Whether its head can be read in one way only.
    pub(super) is_plain: bool,
}

/// What is told of a file beside its bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct File {
    /// Ours, with the ending of the client's: endings say what a recording is.
    pub(super) name: String,
    pub(super) content_type: String,
}

impl<'a> Part<'a> {
    /// Reads a part's head, with the body that follows it. `None` if it is malformed.
    pub(super) fn read(head: &'a [u8], body: &'a [u8]) -> Option<Self> {
        let (mut disposition, mut content_type) = (None, None);
        let mut is_plain = true;
        for line in std::str::from_utf8(head).ok()?.split("\r\n") {
            let (name, value) = line.split_once(':')?;
            if name.is_empty() || name.contains([' ', '\t']) {
                return None;
            }
            let is_first = match name.to_ascii_lowercase().as_str() {
                "content-disposition" => disposition.replace(value.trim()).is_none(),
                "content-type" => content_type.replace(value.trim()).is_none(),
                // What is encoded once more is not read, so that nobody reads it differently.
                "content-transfer-encoding" => {
                    is_plain = false;
                    let plain = ["binary", "8bit", "7bit"];
                    plain.iter().any(|plain| plain.eq_ignore_ascii_case(value.trim()))
                }
                "content-length" => true,
                _ => {
                    is_plain = false;
                    true
                }
            };
            if !is_first {
                return None;
            }
        }
        let disposition = disposition?;
        let parameters = parameters(disposition)?;
        is_plain &= disposition.starts_with("form-data") && are_plain(&parameters);
        let one = |key: &str| parameters.iter().find(|found| found.key == key).map(|p| &p.value);
        let name = one("name").filter(|name| is_name(name))?.clone();
        let file = one("filename*").or(one("filename")).map(|client| File {
            name: match ending(client) {
                Some(ending) => format!("upload.{ending}"),
                None => "upload".to_owned(),
            },
            content_type: media_type(content_type.unwrap_or_default()),
        });
        if file.is_none() {
            std::str::from_utf8(body).ok()?;
        }
        Some(Self { name, body, file, is_plain })
    }
}

/// A parameter of a part's disposition.
struct Parameter<'a> {
    key: &'a str,
    value: Cow<'a, str>,
    is_quoted: bool,
    /// Whether the next parameter follows without a space.
    is_tight: bool,
}

/// The parameters of `form-data; name="…"; filename="…"`, each there once.
fn parameters(disposition: &str) -> Option<Vec<Parameter<'_>>> {
    let mut rest = disposition.get(9..)?.trim_start();
    if !disposition.get(..9)?.eq_ignore_ascii_case("form-data") {
        return None;
    }
    let mut parameters: Vec<Parameter<'_>> = Vec::new();
    while !rest.is_empty() {
        let (key, value) = rest.strip_prefix(';')?.trim_start().split_once('=')?;
        let quoted = value.strip_prefix('"');
        let is_quoted = quoted.is_some();
        let (value, after) = match quoted {
            Some(quoted) => quoted_text(quoted)?,
            None => {
                let end = value.find(';').unwrap_or(value.len());
                (Cow::Borrowed(value.get(..end)?.trim_end()), value.get(end..)?)
            }
        };
        if parameters.iter().any(|known| known.key == key) {
            return None;
        }
        let is_tight = after.is_empty() || after.starts_with(';');
        parameters.push(Parameter { key, value, is_quoted, is_tight });
        rest = after.trim_start();
    }
    Some(parameters)
}

/// Whether these are a name and perhaps a file's name, in quotes, with the file's name in other
/// letters at the end.
fn are_plain(parameters: &[Parameter<'_>]) -> bool {
    let last = parameters.len().saturating_sub(1);
    parameters.iter().enumerate().all(|(index, parameter)| match parameter.key {
        "name" | "filename" => parameter.is_quoted && parameter.is_tight,
        "filename*" => !parameter.is_quoted && index == last,
        _ => false,
    })
}

/// Text up to its closing quote, and what follows. A backslash escapes a quote or a backslash.
fn quoted_text(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut unescaped = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((Cow::Owned(unescaped), text.get(at + 1..)?)),
            '\\' => match chars.next()? {
                (_, next @ ('"' | '\\')) => unescaped.push(next),
                (_, next) => unescaped.extend(['\\', next]),
            },
            char => unescaped.push(char),
        }
    }
    None
}

fn is_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.[]".contains(&b))
}

fn ending(file_name: &str) -> Option<String> {
    let (_, ending) = file_name.rsplit_once('.')?;
    let is_ending =
        (1..=5).contains(&ending.len()) && ending.bytes().all(|b| b.is_ascii_alphanumeric());
    is_ending.then(|| ending.to_ascii_lowercase())
}

fn media_type(content_type: &str) -> String {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_token = |text: &str| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".+-".contains(&b))
    };
    match essence.split_once('/') {
        Some((kind, subtype)) if is_token(kind) && is_token(subtype) => essence,
        Some(_) | None => "application/octet-stream".to_owned(),
    }
}
