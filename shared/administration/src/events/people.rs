//! Access and own deployments, as read from a body.

use lanyard_domain::access::Access;
use lanyard_domain::event::{Event, OwnDeployments};

use crate::form::{Form, Given, Mistakes};
use crate::read;

/// Access, before the rest is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Open,
    Roster,
    Registered,
}

/// The fields of a body about access and own deployments.
pub(super) struct PeopleDraft {
    access: Option<Access>,
    says_access: bool,
    own_deployments: Given<OwnDeployments>,
    records_requests: Given<bool>,
}

impl PeopleDraft {
    /// Reads the fields; what they leave out is as `before`.
    pub(super) fn read(form: &Form<'_>, before: Access) -> Self {
        let kinds =
            [("open", Kind::Open), ("roster", Kind::Roster), ("registered", Kind::Registered)];
        let owners = [
            ("none", OwnDeployments::None),
            ("organiser", OwnDeployments::Organiser),
            ("attendee", OwnDeployments::Attendee),
        ];
        let kind = form.field("access", read::one_of(&kinds));
        let auto_register = form.field("auto_register", read::yes_or_no());
        let says_access = !matches!(kind, Given::Absent);
        Self {
            access: access(form, kind, auto_register, before),
            says_access,
            own_deployments: form.field("own_deployments", read::one_of(&owners)),
            records_requests: form.field("records_requests", read::yes_or_no()),
        }
    }

    /// The event with the body's fields. `None` if it made no sense, which was noted.
    ///
    /// With open access, everybody who has the code could change everybody's deployments. An event
    /// that was stored so stays as it is until one of the two fields is sent.
    pub(super) fn over(self, event: Event, mistakes: &Mistakes) -> Option<Event> {
        let is_said = self.says_access || !matches!(self.own_deployments, Given::Absent);
        let own = match &self.own_deployments {
            Given::Value(own) => *own,
            Given::Absent | Given::Wrong => event.own_deployments,
            Given::Null => OwnDeployments::None,
        };
        if is_said && self.access == Some(Access::Open) && own == OwnDeployments::Attendee {
            mistakes.add(
                "own_deployments",
                "cannot be \"attendee\" with \"access\": \"open\": everybody who has the code \
                 could redirect everybody's requests. Use \"access\": \"registered\"",
            );
            return None;
        }
        Some(Event {
            access: self.access?,
            own_deployments: self.own_deployments.or(event.own_deployments, OwnDeployments::None),
            records_requests: self.records_requests.or(event.records_requests, true),
            ..event
        })
    }
}

fn access(
    form: &Form<'_>,
    kind: Given<Kind>,
    auto_register: Given<bool>,
    before: Access,
) -> Option<Access> {
    if matches!(kind, Given::Wrong) || matches!(auto_register, Given::Wrong) {
        return None;
    }
    let (kind_before, auto_before) = match before {
        Access::Open => (Kind::Open, false),
        Access::Roster => (Kind::Roster, false),
        Access::Registered { auto_register } => (Kind::Registered, auto_register),
    };
    match (kind.or(kind_before, Kind::Open), auto_register) {
        (Kind::Registered, given) => {
            Some(Access::Registered { auto_register: given.or(auto_before, false) })
        }
        (Kind::Open | Kind::Roster, Given::Value(true)) => {
            form.mistake("auto_register", "goes only with \"access\": \"registered\"");
            None
        }
        (Kind::Open, _) => Some(Access::Open),
        (Kind::Roster, _) => Some(Access::Roster),
    }
}

/// The access as organisers read it: the kind, and whether the code admits unclaimed names.
pub(super) fn words(access: Access) -> (&'static str, bool) {
    match access {
        Access::Open => ("open", false),
        Access::Roster => ("roster", false),
        Access::Registered { auto_register } => ("registered", auto_register),
    }
}
