//! `OpenAI-Beta`: previews of the API that a caller may ask for, from a closed list.

use lanyard_domain::object::Kind;
use lanyard_gateway::headers;
use lanyard_gateway::request::Request;

/// Every preview that is passed on.
const KNOWN: [&str; 1] = ["assistants=v2"];

/// The preview under which a kind is read where nobody asks. Assistants and what belongs to them
/// have no other form.
pub(super) fn usual(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Assistant | Kind::Thread | Kind::Run => Some(KNOWN[0]),
        Kind::Response | Kind::Conversation | Kind::File | Kind::VectorStore | Kind::Video => None,
    }
}

/// The preview for a call: the one that was asked for, if it is known.
pub(super) fn asked(request: &Request, kind: Kind) -> Option<&'static str> {
    let named = request.header(&headers::BETA).ok().flatten().unwrap_or_default();
    let mut named = named.split(',').map(str::trim);
    let known = named.find_map(|named| KNOWN.into_iter().find(|known| *known == named));
    known.or_else(|| usual(kind))
}
