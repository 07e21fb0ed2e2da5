//! The files of the pages, and their paths.
//!
//! Pages are revalidated on each visit. The files that they load have the version of all files in
//! their path. Browsers cache them forever and never mix two versions.

use std::borrow::Cow;
use std::sync::LazyLock;

use lanyard_gateway::hex;
use sha2::{Digest, Sha256};

/// The placeholder for the version in a page.
const VERSION: &str = "{{version}}";

/// A file of the pages.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Its name. The extension gives its type.
    pub name: &'static str,
    /// Its content.
    pub text: &'static str,
}

/// A requested file.
pub(crate) struct File {
    asset: Asset,
    /// Whether its path has this version, so that it never changes.
    is_immutable: bool,
}

macro_rules! assets {
    ($($name:literal),* $(,)?) => {
        [$(Asset { name: $name, text: include_str!(concat!("../assets/", $name)) }),*]
    };
}

const ASSETS: &[Asset] = &assets![
    "api.js",
    "attendee.css",
    "attendee.html",
    "attendee.js",
    "base.css",
    "chart.js",
    "copy-button.js",
    "csv.js",
    "dashboard.css",
    "dashboard.html",
    "dashboard.js",
    "docs.css",
    "docs.html",
    "docs.js",
    "dom.js",
    "errors.js",
    "event-attendees.js",
    "event-card.js",
    "event-form.js",
    "event-roster.js",
    "event-view.js",
    "handout.css",
    "handout.html",
    "handout.js",
    "icon.svg",
    "limits.js",
    "literals.js",
    "markdown.js",
    "messages.js",
    "openapi.json",
    "organiser-api.js",
    "playground.js",
    "qr.LICENSE.txt",
    "qr.js",
    "register.js",
    "snippets.js",
    "stream.js",
    "tabs.js",
    "time.js",
];

/// Every file.
#[must_use]
pub fn all() -> &'static [Asset] {
    ASSETS
}

/// The version of all files, as it is in their paths.
#[must_use]
pub fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let mut hash = Sha256::new();
        for asset in ASSETS {
            hash.update(asset.name);
            hash.update([0]);
            hash.update(asset.text);
            hash.update([0]);
        }
        hex(&hash.finalize()[..8])
    });
    &VERSION
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
    if name.ends_with(".html") { None } else { named(name, requested_version == version()) }
}

fn named(name: &str, is_immutable: bool) -> Option<File> {
    let asset = ASSETS.iter().find(|asset| asset.name == name)?;
    Some(File { asset: *asset, is_immutable })
}

impl File {
    pub(crate) fn body(&self) -> Cow<'static, str> {
        match self.asset.name.ends_with(".html") {
            true => self.asset.text.replace(VERSION, version()).into(),
            false => self.asset.text.into(),
        }
    }

    pub(crate) fn etag(&self) -> String {
        format!("\"{}\"", hex(&Sha256::digest(self.body().as_bytes())[..16]))
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
            Some("svg") => "image/svg+xml",
            _ => "text/plain; charset=utf-8",
        }
    }
}
