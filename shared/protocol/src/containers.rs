//! `…/containers`
//!
//! Where the code interpreter of a response has worked, with its files. A response makes one; the
//! calls read and delete it. <https://platform.openai.com/docs/api-reference/containers>

use lanyard_domain::operation::Operation;

use crate::Protocol;
use crate::stored;

pub(crate) static PROTOCOL: Protocol =
    Protocol { ..stored::protocol(Operation::Containers, "containers") };
