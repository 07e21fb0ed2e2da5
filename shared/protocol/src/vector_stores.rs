//! `…/vector_stores`
//!
//! Files that are searched. <https://platform.openai.com/docs/api-reference/vector-stores>

use lanyard_domain::operation::Operation;

use crate::Protocol;
use crate::stored;

pub(crate) static PROTOCOL: Protocol =
    Protocol { ..stored::protocol(Operation::VectorStores, "vector_stores") };
