//! One part of a form: the facts of its head about the body.

use std::borrow::Cow;

const LONGEST_NAME: usize = 64;

/// One part of a form.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    /// The field's name.
    pub(crate) name: String,
    /// Its bytes.
    pub(crate) body: &'a [u8],
    /// Set if the part is a file.
    pub(crate) file: Option<File>,
    /// Whether its head can be read in one way only.
    pub(super) is_plain: bool,
}

/// The facts about a file beside its bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct File {
    /// Ours, with the ending of the client's: the extension shows the format of a recording.
    pub(super) name: String,
    /// The client's, as it gave it.
    pub(super) given: String,
    pub(super) content_type: String,
}

impl File {
    /// The client's name, so that every reader finds the same end of it.
    pub(super) fn given_name(&self) -> Cow<'_, str> {
        if self.given.is_empty() {
            return Cow::Borrowed(&self.name);
        }
        let mut name = String::with_capacity(self.given.len());
        for char in self.given.chars() {
            match char {
                '"' => name.push_str("%22"),
                '\\' => name.push_str("%5C"),
                char if char.is_control() => name.push('_'),
                char => name.push(char),
            }
        }
        Cow::Owned(name)
    }
}

impl<'a> Part<'a> {
    /// Reads a part's head, with the body that follows it. `None` if it is malformed. The body of a
    /// text is not checked.
    pub(super) fn read(head: &[u8], body: &'a [u8]) -> Option<Self> {
        let (mut disposition, mut content_type) = (None, None);
        let mut is_plain = true;
        // Old clients write names in Latin-1.
        let head = match std::str::from_utf8(head) {
            Ok(head) => Cow::Borrowed(head),
            Err(_) => {
                is_plain = false;
                Cow::Owned(head.iter().copied().map(char::from).collect())
            }
        };
        for line in head.split("\r\n") {
            let (name, value) = line.split_once(':')?;
            // Some readers end a line at a line feed alone.
            if line.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
                return None;
            }
            if name.is_empty() || name.contains([' ', '\t']) {
                return None;
            }
            let is_first = match name.to_ascii_lowercase().as_str() {
                "content-disposition" => disposition.replace(value.trim()).is_none(),
                "content-type" => content_type.replace(value.trim()).is_none(),
                // A part with a transfer encoding is refused, so that Azure cannot read it
                // differently.
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
        is_plain &= disposition.starts_with("form-data;")
            && !disposition.contains('\\')
            && !disposition.ends_with(';')
            && are_plain(&parameters);
        let one = |key: &str| {
            parameters.iter().find(|found| found.key.eq_ignore_ascii_case(key)).map(|p| &p.value)
        };
        let name = match (one("name"), one("name*")) {
            (Some(name), None) => name.to_string(),
            (None, Some(name)) => extended(name)?,
            // It is unknown which one Azure reads.
            (Some(_), Some(_)) | (None, None) => return None,
        };
        let name = Some(name).filter(|name| is_name(name))?;
        let content_type = content_type.unwrap_or_default();
        // Nested parts are not read here, so they are refused.
        let is_nested =
            content_type.get(..10).is_some_and(|kind| kind.eq_ignore_ascii_case("multipart/"));
        if is_nested {
            return None;
        }
        // The name in any letters is the better one, if there are two.
        let (any_letters, ascii) = (one("filename*"), one("filename"));
        let file = any_letters.or(ascii).map(|_| {
            let decoded = any_letters.and_then(|value| extended(value));
            let given = decoded.or(ascii.map(|name| name.to_string())).unwrap_or_default();
            File {
                name: match ending(&given) {
                    Some(ending) => format!("upload.{ending}"),
                    None => "upload".to_owned(),
                },
                given,
                content_type: media_type(content_type),
            }
        });
        // A text is UTF-8, whatever its content type is.
        is_plain &= file.is_some() || content_type.is_empty();
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
        rest = rest.strip_prefix(';')?.trim_start();
        if rest.is_empty() {
            break;
        }
        let (given, value) = rest.split_once('=')?;
        let (key, value) = (given.trim_end(), value.trim_start());
        let quoted = value.strip_prefix('"');
        let is_quoted = quoted.is_some();
        let (value, after) = match quoted {
            Some(quoted) => quoted_text(quoted)?,
            None => {
                let end = value.find(';').unwrap_or(value.len());
                (Cow::Borrowed(value.get(..end)?.trim_end()), value.get(end..)?)
            }
        };
        if parameters.iter().any(|known| known.key.eq_ignore_ascii_case(key)) {
            return None;
        }
        let is_tight = after.is_empty() || after.starts_with(';');
        parameters.push(Parameter { key, value, is_quoted, is_tight });
        rest = after.trim_start();
    }
    Some(parameters)
}

/// Whether these are a name and perhaps a file's name, in quotes.
fn are_plain(parameters: &[Parameter<'_>]) -> bool {
    parameters.iter().all(|parameter| {
        let is_known = matches!(parameter.key, "name" | "filename");
        is_known && parameter.is_quoted && parameter.is_tight
    })
}

/// A value with its letters' encoding, as in `utf-8''%e2%82%ac.txt`.
/// <https://www.rfc-editor.org/rfc/rfc5987>
fn extended(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_, encoded) = rest.split_once('\'')?;
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            byte => byte,
        });
    }
    if charset.eq_ignore_ascii_case("utf-8") {
        return String::from_utf8(bytes).ok();
    }
    let is_latin = charset.eq_ignore_ascii_case("iso-8859-1");
    is_latin.then(|| bytes.into_iter().map(char::from).collect())
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
