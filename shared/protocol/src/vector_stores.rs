//! `…/vector_stores`
//!
//! Files that are searched. <https://platform.openai.com/docs/api-reference/vector-stores>

use lanyard_domain::object::Kind;
use lanyard_domain::operation::Operation;

use crate::Protocol;
use crate::references::IdPlace;
use crate::stored;

pub(crate) static PROTOCOL: Protocol = Protocol {
    ids: &[
        IdPlace::names("file_ids", Kind::File),
        IdPlace::names("file_id", Kind::File),
        IdPlace::names("files.file_id", Kind::File),
    ],
    ..stored::protocol(Operation::VectorStores, "vector_stores")
};
