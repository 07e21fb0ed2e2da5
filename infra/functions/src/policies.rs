//! What functions may do at AWS: the policies that several share, and those of one alone.
//!
//! A new call of the SDK needs a statement here. Tests of the routes hold the statements to what
//! the functions are seen to call, in both directions. A transaction asks for the permission of
//! each of its parts.

/// What a role allows.
#[derive(Debug)]
pub struct Policy {
    /// Its name; `Policy` is added where functions share it.
    pub name: &'static str,
    /// What it is for, for operators. A function's own policy has none.
    pub description: &'static str,
    /// What it allows.
    pub statements: &'static [Statement],
}

/// Actions on one kind of resource.
#[derive(Debug)]
pub struct Statement {
    /// Its name.
    pub id: &'static str,
    /// The actions, by IAM's names.
    pub actions: &'static [&'static str],
    /// On what.
    pub on: Resource,
}

/// What a statement is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Items of the table whose partition keys are like these.
    Items(&'static [&'static str]),
    /// The parameters that hold Azure's keys.
    AzureKeys,
    /// Those of them that hold the keys of attendees' own deployments.
    OwnKeys,
    /// Tokens for Azure, where the operator has chosen them over keys.
    AzureIdentity,
}

// The partitions, as `Partition::pattern` in shared/platform has them; a test compares them.
const CODE: &str = "CODE#*";
const EVENT: &str = "EVENT#*";
const ORGANISER: &str = "ORGANISER#*";
const TOKEN: &str = "TOKEN#*";
const SWEEP: &str = "SWEEP";
const REQUEST: &str = "REQUEST#*";
const RATING: &str = "RATING#*";
const CLAIM: &str = "CLAIM#*";
const OWN: &str = "OWN#*";
const OBJECTS: &str = "OBJECTS#*";
const MARKS: &str = "MARKS";
const JOBS: &str = "JOBS";

/// Every partition that a policy may name.
pub const PARTITIONS: [&str; 12] =
    [CODE, EVENT, ORGANISER, TOKEN, SWEEP, REQUEST, RATING, CLAIM, OWN, OBJECTS, MARKS, JOBS];

const GET: &str = "dynamodb:GetItem";
const BATCH_GET: &str = "dynamodb:BatchGetItem";
const QUERY: &str = "dynamodb:Query";
const PUT: &str = "dynamodb:PutItem";
const UPDATE: &str = "dynamodb:UpdateItem";
const DELETE: &str = "dynamodb:DeleteItem";

const fn items(
    id: &'static str,
    actions: &'static [&'static str],
    partitions: &'static [&'static str],
) -> Statement {
    Statement { id, actions, on: Resource::Items(partitions) }
}

/// Every policy that functions share.
pub static SHARED: [&Policy; 7] =
    [&LOOK_UP, &GATHER, &ACCOUNT, &CALL_AZURE, &FIND_OBJECTS, &KEEP_OBJECTS, &KEEP_JOBS];

/// The code, then the event and its organiser's deployments, and the attendee's own where the
/// event allows them; and the attendee's account.
pub(crate) const LOOK_UP: Policy = Policy {
    name: "LookUp",
    description: "Finds an attendee's event and account.",
    statements: &[
        items("ReadCodesEventsAndAccounts", &[GET], &[CODE, EVENT]),
        items("ReadDeployments", &[QUERY], &[ORGANISER, OWN]),
    ],
};

pub(crate) const GATHER: Policy = Policy {
    name: "Gather",
    description: "All shards of an event's account, where little is left.",
    statements: &[items("ReadShards", &[BATCH_GET], &[EVENT])],
};

/// Both accounts of a request, the hour's counters and the session; the usage record.
pub(crate) const ACCOUNT: Policy = Policy {
    name: "Account",
    description: "Accounts for a request.",
    statements: &[
        items("AdmitAndSettle", &[UPDATE], &[EVENT]),
        items("RecordUsage", &[PUT], &[REQUEST]),
    ],
};

pub(crate) const CALL_AZURE: Policy = Policy {
    name: "CallAzure",
    description: "Calls Azure, by a key or by an identity.",
    statements: &[
        Statement { id: "ReadAzureKeys", actions: &["ssm:GetParameter"], on: Resource::AzureKeys },
        Statement {
            id: "ProveIdentity",
            actions: &["sts:GetWebIdentityToken"],
            on: Resource::AzureIdentity,
        },
    ],
};

/// The owners of objects that a body names.
pub(crate) const FIND_OBJECTS: Policy = Policy {
    name: "FindObjects",
    description: "Finds an attendee's object by its id.",
    statements: &[items("FindObjects", &[GET], &[OBJECTS])],
};

pub(crate) const KEEP_OBJECTS: Policy = Policy {
    name: "KeepObjects",
    description: "Lists an attendee's objects, and writes down whose an object is.",
    statements: &[
        items("KeepObjects", &[QUERY, PUT, UPDATE, DELETE], &[OBJECTS]),
        // That the event has objects, for the clearing after its end.
        items("MarkTheEvent", &[UPDATE], &[MARKS]),
    ],
};

/// What Azure works on after its response, until it is settled.
pub(crate) const KEEP_JOBS: Policy = Policy {
    name: "KeepJobs",
    description: "Writes down that a job is open, and that it is settled.",
    statements: &[items("OpenAndCloseJobs", &[PUT, DELETE], &[JOBS])],
};

pub(crate) const RATE: Policy = Policy {
    name: "Rate",
    description: "",
    statements: &[
        items("ReadRecords", &[GET], &[REQUEST]),
        // The requests of a session, where the id is Azure's own.
        items("FindInSession", &[QUERY], &[EVENT]),
        // The record's rating and its entry in the report are one transaction.
        items("RateRecords", &[UPDATE], &[REQUEST]),
        items("Report", &[PUT], &[RATING]),
    ],
};

pub(crate) const REGISTER: Policy = Policy {
    name: "Register",
    description: "",
    statements: &[
        items("ReadClaims", &[GET], &[CLAIM]),
        items("Claim", &[PUT], &[CLAIM]),
        // The seat, and the number of the key on the attendee's account.
        items("TakeSeat", &[UPDATE], &[EVENT]),
    ],
};

/// Keys are written and removed, never read. Organisers' keys have another path.
pub(crate) const BIND: Policy = Policy {
    name: "Bind",
    description: "",
    statements: &[
        items("ReadOne", &[GET], &[OWN]),
        items("Bind", &[PUT, DELETE], &[OWN]),
        Statement {
            id: "WriteOwnKeys",
            actions: &["ssm:PutParameter", "ssm:DeleteParameter"],
            on: Resource::OwnKeys,
        },
    ],
};

/// Everything but objects, of which only the marks that there may be some are read; of usage records
/// only those that began a session, read. Keys are written and removed, never read.
pub(crate) const ORGANISE: Policy = Policy {
    name: "Organise",
    description: "",
    statements: &[
        items("ReadOne", &[GET], &[TOKEN, ORGANISER, EVENT, REQUEST, OWN, MARKS]),
        items("ReadMany", &[QUERY], &[ORGANISER, EVENT, REQUEST, RATING, OWN, MARKS]),
        items("ReadAndChangeEvents", &[BATCH_GET, UPDATE], &[EVENT]),
        items("Write", &[PUT], &[TOKEN, CODE, ORGANISER, EVENT, SWEEP, OWN]),
        items("Delete", &[DELETE], &[TOKEN, CODE, ORGANISER, EVENT, SWEEP, OWN, CLAIM, RATING]),
        Statement {
            id: "WriteAzureKeys",
            actions: &["ssm:PutParameter", "ssm:DeleteParameter"],
            on: Resource::AzureKeys,
        },
    ],
};

/// The list of events, their settings and accounts, and usage records. No code, no token, no
/// deployment.
pub(crate) const RECONCILE: Policy = Policy {
    name: "Reconcile",
    description: "",
    statements: &[
        items("ReadTheListAndAccounts", &[QUERY], &[SWEEP, EVENT]),
        items("ReadAndSettleAccounts", &[GET, BATCH_GET, UPDATE], &[EVENT]),
        items("RecordUsage", &[PUT], &[REQUEST]),
    ],
};

/// The events that may have objects, their deployments and the objects. No account, no code, no
/// token.
pub(crate) const CLEAR: Policy = Policy {
    name: "Clear",
    description: "",
    statements: &[
        items("ReadEvents", &[GET], &[EVENT]),
        items("ReadObjectsAndDeployments", &[QUERY], &[MARKS, OBJECTS, ORGANISER]),
        items("Forget", &[DELETE], &[MARKS, OBJECTS]),
    ],
};

/// The open jobs, their events and deployments, and the accounts. No code, no token, no object.
pub(crate) const FINISH: Policy = Policy {
    name: "Finish",
    description: "",
    statements: &[
        items("ReadEventsAndAccounts", &[GET], &[EVENT]),
        items("ReadJobsAndDeployments", &[QUERY], &[JOBS, ORGANISER]),
        items("CloseJobs", &[DELETE], &[JOBS]),
    ],
};
