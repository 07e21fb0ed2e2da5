//! The files of the pages, and their paths.
//!
//! Pages are revalidated on each visit. The files that they load have the version of all files in
//! their path. Browsers cache them forever and never mix two versions. `build.rs` lists and
//! compresses the files.

use bytes::Bytes;
use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// A file of the pages.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Its name. The extension gives its type.
    pub name: &'static str,
    /// A hash of its content.
    hash: &'static str,
    /// Its content.
    pub text: &'static str,
    /// The same, compressed.
    pub gzip: &'static [u8],
}

/// A requested file.
pub(crate) struct File {
    asset: Asset,
    /// Whether its path has this version, so that it never changes.
    is_immutable: bool,
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Every file.
#[must_use]
pub fn all() -> &'static [Asset] {
    ASSETS
}

/// The version of all files, as it is in their paths.
#[must_use]
pub fn version() -> &'static str {
    VERSION
}

/// The file at a path below `/api`.
pub(crate) fn at(path: &str) -> Option<File> {
    match path {
        "docs" => return named("docs.html", false),
        "openapi.json" => return named("openapi.json", false),
        _ => {}
    }
    let rest = path.strip_prefix("pages")?;
    let page = match rest {
        "" => Some("attendee.html"),
        "/dashboard" => Some("dashboard.html"),
        "/handout" => Some("handout.html"),
        _ => None,
    };
    if let Some(page) = page {
        return named(page, false);
    }
    let (requested_version, name) = rest.strip_prefix("/assets/")?.split_once('/')?;
    // During an upgrade, a page of another version gets the current files.
    if name.ends_with(".html") { None } else { named(name, requested_version == VERSION) }
}

fn named(name: &str, is_immutable: bool) -> Option<File> {
    let asset = ASSETS.iter().find(|asset| asset.name == name)?;
    Some(File { asset: *asset, is_immutable })
}

/// Whether a client takes gzip. `gzip;q=0` refuses it.
pub(crate) fn takes_gzip(request: &HeaderMap) -> bool {
    let values = request.get_all(ACCEPT_ENCODING).iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|each| {
        let (name, weight) = each.split_once(';').unwrap_or((each, ""));
        let weight: String = weight.split_whitespace().collect();
        let is_refused = weight.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f32));
        matches!(name.trim(), "gzip" | "*") && !is_refused
    })
}

impl File {
    /// The content in the encoding that the client takes.
    pub(crate) fn body(&self, is_gzip: bool) -> Bytes {
        Bytes::from_static(if is_gzip { self.asset.gzip } else { self.asset.text.as_bytes() })
    }

    /// A tag for each encoding, because the bytes differ.
    pub(crate) fn etag(&self, is_gzip: bool) -> String {
        format!("\"{}{}\"", self.asset.hash, if is_gzip { "-gzip" } else { "" })
    }

    pub(crate) fn cache_control(&self) -> &'static str {
        if self.is_immutable { "public, max-age=31536000, immutable" } else { "no-cache" }
    }

    pub(crate) fn content_type(&self) -> &'static str {
        match self.asset.name.rsplit('.').next() {
            Some("html") => "text/html; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("json") => "application/json",
            _ => "text/plain; charset=utf-8",
        }
    }
}
