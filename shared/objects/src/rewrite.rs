//! Rewrites the objects in Azure's responses for the caller.
//!
//! A model gets the name that the event gives it, and a video an address at Lanyard. What Azure says
//! of a failure keeps none of our names.

use bytes::Bytes;
use http::header::HOST;
use lanyard_domain::catalog::Deployment;
use lanyard_domain::object::Kind;
use lanyard_gateway::lookup::OpenEvent;
use lanyard_gateway::request::Request;
use lanyard_gateway::{headers, parse};
use lanyard_protocol::payload::fields_of;
use lanyard_protocol::refusal::OurNames;
use serde_json::value::RawValue;

/// Rewrites objects of one resource.
pub(crate) struct Rewriter<'a> {
    kind: Kind,
    /// The deployments at the resource.
    names: Vec<&'a Deployment>,
    /// Where the caller downloads videos.
    address: Option<String>,
}

impl<'a> Rewriter<'a> {
    /// A rewriter for responses to a request.
    pub(crate) fn of(
        kind: Kind,
        at: &'a OpenEvent,
        home: &'a Deployment,
        request: &Request,
    ) -> Self {
        let others = at.catalog.deployments().iter();
        let others = others.filter(|other| other.endpoint == home.endpoint);
        let names = std::iter::once(home).chain(others).collect();
        let address = (kind == Kind::Video).then(|| address(request)).flatten();
        Self { kind, names, address }
    }

    /// Rewrites a response. A body that is not a JSON object, or has nothing of ours, is not changed.
    pub(crate) fn rewrite(&self, bytes: Bytes) -> Bytes {
        let hide = |bytes: Bytes, at: &&Deployment| {
            OurNames::of(at).hide_in_errors(&bytes).map_or(bytes, Bytes::from)
        };
        let bytes = self.names.iter().fold(bytes, hide);
        match self.kind {
            Kind::Assistant | Kind::Run | Kind::Video => {}
            Kind::Response
            | Kind::Conversation
            | Kind::File
            | Kind::VectorStore
            | Kind::Thread
            | Kind::Container => {
                return bytes;
            }
        }
        self.object(&bytes).map_or(bytes, Bytes::from)
    }

    fn object(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let fields = fields_of(bytes)?;
        let text = |wanted: &str| {
            let (_, raw) = fields.iter().find(|(name, _)| name == wanted)?;
            serde_json::from_str::<String>(raw.get()).ok()
        };
        let mut out = vec![b'{'];
        for (name, raw) in &fields {
            let rewritten = match name.as_ref() {
                "model" => self.model(raw),
                "data" => self.list(raw),
                // The caller can use Lanyard's address only.
                "video_url" if self.kind == Kind::Video => continue,
                _ => None,
            };
            begin(&mut out, name);
            out.extend_from_slice(rewritten.as_deref().unwrap_or(raw.get()).as_bytes());
        }
        if let (Some(address), Some("video"), Some(id)) =
            (&self.address, text("object").as_deref(), text("id"))
        {
            begin(&mut out, "video_url");
            match text("status").as_deref() {
                Some("completed") => {
                    let url = format!("{address}/{id}/content");
                    // Writing to memory cannot fail.
                    let _ = serde_json::to_writer(&mut out, &url);
                }
                Some(_) | None => out.extend_from_slice(b"null"),
            }
        }
        out.push(b'}');
        Some(out)
    }

    /// The event's name for a model that Azure names by its own.
    fn model(&self, raw: &RawValue) -> Option<String> {
        let named = serde_json::from_str::<String>(raw.get()).ok()?;
        let deployment = self.names.iter().find(|d| d.azure_name.as_str() == named)?;
        serde_json::to_string(deployment.name.as_str()).ok()
    }

    fn list(&self, raw: &RawValue) -> Option<String> {
        let list = serde_json::from_str::<Vec<&RawValue>>(raw.get()).ok()?;
        let rewritten = list.into_iter().map(|object| {
            let rewritten = self.object(object.get().as_bytes());
            rewritten
                .and_then(|rewritten| String::from_utf8(rewritten).ok())
                .unwrap_or_else(|| object.get().to_owned())
        });
        Some(format!("[{}]", rewritten.collect::<Vec<_>>().join(",")))
    }
}

fn begin(out: &mut Vec<u8>, name: &str) {
    if out.len() > 1 {
        out.push(b',');
    }
    // Writing to memory cannot fail.
    let _ = serde_json::to_writer(&mut *out, name);
    out.push(b':');
}

/// The caller's own address of this API, up to the videos. It does not hold the credential.
fn address(request: &Request) -> Option<String> {
    let path = parse::path_within_api(request.http.uri().path());
    let (base, _) = path.split_once("videos")?;
    let plain = |name| request.header(name).ok().flatten();
    let host = plain(&HOST).or_else(|| request.http.uri().authority().map(|a| a.as_str()));
    // Relative to the address that the caller used.
    let Some(host) = host else { return Some(format!("/api/{base}videos")) };
    let is_host = !host.is_empty()
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b));
    let is_local = ["127.0.0.1", "localhost", "[::1]"].iter().any(|local| host.starts_with(local));
    let scheme = match plain(&headers::FORWARDED_PROTO) {
        Some("http") => "http",
        None if is_local => "http",
        Some(_) | None => "https",
    };
    is_host.then(|| format!("{scheme}://{host}/api/{base}videos"))
}
