//! The first half of step three: reads a request and checks it against the settings of the event.

use lanyard_domain::catalog::Choice;
use lanyard_protocol::Protocol;
use lanyard_protocol::demand::Demanded;
use lanyard_protocol::headers::{Passed, PassedHeader};
use lanyard_protocol::payload::Payload;
use lanyard_protocol::sent;
use lanyard_protocol::stream::StreamFormat;
use tokio::time::Instant;

use crate::Gateway;
use crate::call::time_left;
use crate::error::ApiError;
use crate::headers;
use crate::lookup::Attendance;
use crate::metadata::RequestMetadata;
use crate::parse::{self, PathStyle, Route};
use crate::ports::RequestLine;
use crate::request::Request;
use crate::stored::{Concern, ResponseHook};

/// A request that was read and checked.
pub(crate) struct Demand<'a> {
    /// The call to a model.
    pub(crate) call: ModelCall<'a>,
    /// Metadata for its usage record.
    pub(crate) metadata: RequestMetadata,
}

/// A call to a model, before a deployment is selected.
pub(crate) struct ModelCall<'a> {
    pub(crate) protocol: &'static Protocol,
    pub(crate) payload: Payload<'a>,
    pub(crate) demanded: Demanded,
    /// The client's style of paths, which decides what it expects of a stream.
    pub(crate) style: PathStyle,
    /// When its response must be complete.
    pub(crate) until: Instant,
    /// The headers of the client that pass.
    pub(crate) passed: Vec<Passed<'a>>,
    /// The deployments that can take it.
    pub(crate) choice: Choice<'a>,
    /// Called with the response, if the request concerns stored objects.
    pub(crate) hook: Option<Box<dyn ResponseHook>>,
}

impl ModelCall<'_> {
    /// The form of its streamed response.
    pub(crate) fn stream_format(&self) -> StreamFormat {
        match self.style {
            PathStyle::Inference => self.protocol.stream.of_inference(),
            PathStyle::OpenAi | PathStyle::Azure => self.protocol.stream,
        }
    }
}

/// The headers of the client that pass to Azure.
fn passed<'a>(protocol: &Protocol, request: &'a Request) -> Vec<Passed<'a>> {
    let read = |header: &PassedHeader| {
        let lines = request.http.headers().get_all(header.name).iter();
        header.read(lines.filter_map(|line| line.to_str().ok()))
    };
    protocol.headers.iter().filter_map(read).collect()
}

impl Gateway {
    /// Reads a request, and resolves the stored objects that it names.
    ///
    /// # Errors
    ///
    /// 400, 404, 413 or 415: nothing is reserved yet.
    pub(crate) async fn demand<'a>(
        &self,
        request: &'a Request,
        attendance: &'a Attendance,
        protocol: &'static Protocol,
        route: &Route<'a>,
        line: &mut RequestLine,
    ) -> Result<Demand<'a>, ApiError> {
        let mut metadata = RequestMetadata::read(request)?;
        let payload = Payload::read(protocol, &request.http, &request.id)?;
        let model = payload.model()?;
        let header = request.header(&headers::MODEL).ok().flatten().filter(|name| !name.is_empty());
        let deployment = route.deployment.map(parse::decoded);
        let wanted = deployment.as_deref().or(header).or(model.as_deref());
        let choice = attendance.choose(wanted, protocol.operation)?;
        line.model = choice.name().cloned();
        let mut caps = attendance.caps_of(choice.facts());
        caps.keeps_objects &= self.stored.is_some();
        let demanded = payload.demanded(&caps)?;
        let references = sent::references(&payload, &demanded)?;
        let style = route.style;
        let until = Instant::now() + time_left(request.deadline, demanded.is_streamed);
        let passed = passed(protocol, request);
        let mut call =
            ModelCall { protocol, payload, demanded, style, until, passed, choice, hook: None };
        let mut item_ids = std::mem::take(&mut call.demanded.item_ids);
        let mut reasoning_ids = std::mem::take(&mut call.demanded.reasoning_ids);
        if call.demanded.is_kept {
            item_ids.append(&mut reasoning_ids);
        }
        let names_items = !item_ids.is_empty() || !reasoning_ids.is_empty();
        // A container has an owner, whether or not Azure stores the response, and at every event:
        // the next turn names it.
        let makes_containers = self.stored.is_some() && call.demanded.hosted.is_some();
        let is_concerned = call.demanded.is_kept || makes_containers || names_items;
        if is_concerned || !references.is_empty() {
            let concern = Concern {
                request,
                attendance,
                operation: protocol.operation,
                model: wanted,
                choice: call.choice.clone(),
                references,
                item_ids,
                reasoning_ids,
                is_stored: call.demanded.is_kept,
                uses_hosted: makes_containers,
                estimate: call.demanded.estimate,
            };
            let Some(stored) = &self.stored else { return Err(attendance.objects_not_kept()) };
            let resolved = stored.resolve(concern).await?;
            call.choice = resolved.choice;
            call.demanded = call.demanded.carrying(resolved.prompt_tokens);
            call.demanded.unstored_ids = resolved.unstored_ids;
            call.hook = Some(resolved.hook);
            line.model = call.choice.name().cloned();
        }
        metadata.is_own = call.choice.is_own();
        if !call.demanded.dropped_tools.is_empty() {
            metadata.dropped_tools = call.demanded.dropped_tools.clone().into();
        }
        Ok(Demand { call, metadata })
    }
}
