//! Calls that count the tokens of a body. They cost an attendee nothing, and share the rate of all
//! free calls.

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use lanyard_protocol::Counting;
use lanyard_protocol::failed;
use lanyard_protocol::payload::JSON;
use lanyard_protocol::refusal::OurNames;
use serde::de::IgnoredAny;

use crate::Gateway;
use crate::demand::ModelCall;
use crate::error::{ApiError, ModelRefusal};
use crate::forward::parse;
use crate::lookup::Attendance;
use crate::ports::RequestLine;
use crate::relay::{copy_upstream_id, read_whole};
use crate::request::{Request, Response, full};
use crate::send::{Attempts, is_unknown_path, of_own_deployment};

impl Gateway {
    /// Lets Azure count, or estimates where it does not.
    ///
    /// # Errors
    ///
    /// As for [`Gateway::forward`], without those about limits of tokens.
    pub(crate) async fn count(
        &self,
        counting: &'static Counting,
        request: Request,
    ) -> Result<Response, ApiError> {
        let operation = Some(counting.protocol.operation);
        let mut line = RequestLine { operation, ..RequestLine::default() };
        let counted = self.counted(counting, &request, &mut line).await;
        self.note_refusal(&request, line, &counted);
        counted
    }

    async fn counted(
        &self,
        counting: &'static Counting,
        request: &Request,
        line: &mut RequestLine,
    ) -> Result<Response, ApiError> {
        let (route, _) = parse(request, &counting.protocol)?;
        let (attendance, _) = self.attend(request).await?;
        let demand = self.demand(request, &attendance, &counting.protocol, &route, line).await?;
        let mut headers = HeaderMap::new();
        let count = match self.ask(request, &attendance, &demand.call, &mut headers).await? {
            Some(count) => count,
            None => (counting.response)(demand.call.demanded.counted.unwrap_or_default()),
        };
        headers.insert(CONTENT_TYPE, JSON);
        let mut response = http::Response::new(full(count));
        *response.headers_mut() = headers;
        Ok(response)
    }

    /// Azure's count; none where it has no such call.
    async fn ask(
        &self,
        request: &Request,
        attendance: &Attendance,
        call: &ModelCall<'_>,
        headers: &mut HeaderMap,
    ) -> Result<Option<Bytes>, ApiError> {
        let candidates = self.select(&call.choice, call.protocol.operation, attendance.affinity());
        let [first, others @ ..] = candidates.as_slice() else {
            return Err(ApiError::Internal(None));
        };
        let user = attendance.at.user_hash(&attendance.user);
        let event = &attendance.event().id;
        let attempts = Attempts { gateway: self, request, call, event, user: &user };
        let sent = match attempts.run(first, others).await {
            Ok(sent) => sent,
            Err(failure) if is_unknown_path(&failure) => return Ok(None),
            Err(failure) => {
                let error = failure.into_error();
                if call.choice.is_own() {
                    return Err(of_own_deployment(error));
                }
                if let Some(model) = call.choice.name() {
                    self.report_for(&error, &attendance.event().id, model);
                }
                return Err(error);
            }
        };
        let (head, body) = sent.response.into_parts();
        copy_upstream_id(&head.headers, headers);
        let body = read_whole(body, Some(call.until)).await?;
        let is_plain = head.headers.get(CONTENT_ENCODING).is_none_or(|value| value == "identity");
        if !is_plain || serde_json::from_slice::<IgnoredAny>(&body).is_err() {
            return Err(ApiError::UpstreamUnreachable(Some("the response is not JSON".into())));
        }
        if let Some(failure) = failed::failure_of(&body) {
            let names = OurNames::of(sent.from).with(head.extensions.get());
            let refusal = ModelRefusal::in_response(&failure, &names);
            return Err(ApiError::RefusedByModel(Box::new(refusal)));
        }
        Ok(Some(body))
    }
}
