//! Fields of a request that name a person. None of them reaches Azure as the client wrote it.

/// Whether a field names a person. Such a field gets what stands for the attendee where the
/// operation has it, and is left out elsewhere.
pub(crate) fn names_person(field: &str) -> bool {
    FIELDS.contains(&field)
}

/// `user_security_context` is Azure's own: the ids and the address of an end user.
/// <https://learn.microsoft.com/azure/defender-for-cloud/gain-end-user-context-ai>
const FIELDS: [&str; 4] = ["user", "safety_identifier", "user_security_context", "user_id"];
