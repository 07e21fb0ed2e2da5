//! Simulated videos. Each time one is read, its progress goes up by half.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::catalog::{self, Operation};
use super::super::fields::{self, Object};
use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::response::{Body, SimulatedResponse};
use super::{Call, SimulatedResult, buffered, page};

/// The videos of a resource.
#[derive(Debug, Default)]
pub(super) struct Videos(BTreeMap<String, Value>);

/// How long a video can be fetched, in seconds.
const LIFE: u64 = 86_400;

const SIZES: [&str; 4] = ["720x1280", "1280x720", "1024x1792", "1792x1024"];

/// The head of an MP4 file without a video in it.
const MP4: &[u8] = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp41\x00\x00\x00\x08mdat";

impl Videos {
    /// Answers a request about videos.
    pub(super) fn respond(&mut self, call: &Call<'_>, path: &[&str]) -> SimulatedResult {
        match (call.method, path) {
            ("POST", []) => {
                let body = call.form_or_object()?;
                let model = fields::text(&body, "model")?;
                let model = model.ok_or_else(|| Refusal::missing("model"))?;
                catalog::find(model, Operation::Videos)?;
                let seconds = match fields::given(&body, "seconds") {
                    None => "4".to_owned(),
                    // A form has no types.
                    Some(Value::Number(number)) if call.is_form() => number.to_string(),
                    Some(Value::String(text)) => text.clone(),
                    Some(other) => return Err(Refusal::wrong_type("seconds", "a string", other)),
                };
                if !["4", "8", "12"].contains(&seconds.as_str()) {
                    return Err(Refusal::unsupported("seconds", "'4', '8' and '12'"));
                }
                let size = fields::text(&body, "size")?.unwrap_or(SIZES[0]);
                if !SIZES.contains(&size) {
                    return Err(Refusal::unsupported("size", &SIZES.join(", ")));
                }
                self.begin(call, &body, json!({"model": model, "seconds": seconds, "size": size}))
            }
            ("GET", []) => buffered(&page(self.0.values().rev().cloned().collect(), call.query)),
            ("POST", [id, "remix"]) => {
                let body = call.form_or_object()?;
                let first = self.0.get(*id).ok_or(Refusal::Missing)?;
                if first["status"] != "completed" {
                    return Err(Refusal::invalid("The video is not completed yet."));
                }
                let like = json!({"model": first["model"], "seconds": first["seconds"],
                    "size": first["size"], "remixed_from_video_id": id});
                self.begin(call, &body, like)
            }
            ("GET", [id]) => {
                let video = self.0.get_mut(*id).ok_or(Refusal::Missing)?;
                advance(video, call);
                buffered(video)
            }
            ("GET", [id, "content"]) => {
                let video = self.0.get(*id).ok_or(Refusal::Missing)?;
                if video["status"] != "completed" {
                    return Err(Refusal::invalid("The video is not completed yet."));
                }
                let pieces = [Bytes::from_static(MP4), Bytes::from_static(b"[simulated]")];
                let body = Body::Typed("video/mp4", Box::new(pieces.into_iter()));
                Ok(SimulatedResponse::of(body, "", 0))
            }
            ("DELETE", [id]) => {
                self.0.remove(*id).ok_or(Refusal::Missing)?;
                buffered(&json!({"id": id, "object": "video.deleted", "deleted": true}))
            }
            _ => Err(Refusal::Path),
        }
    }

    fn begin(&mut self, call: &Call<'_>, body: &Object, like: Value) -> SimulatedResult {
        let prompt = fields::text(body, "prompt")?.ok_or_else(|| Refusal::missing("prompt"))?;
        let id = call.stamp.id("video_");
        let mut video = like;
        let of_new = json!({
            "id": id, "object": "video", "created_at": call.stamp.created(), "status": "queued",
            "progress": 0, "completed_at": null, "expires_at": null, "error": null,
            "prompt": prompt,
        });
        for (name, value) in of_new.as_object().into_iter().flatten() {
            video[name] = value.clone();
        }
        if video.get("remixed_from_video_id").is_none() {
            video["remixed_from_video_id"] = Value::Null;
        }
        self.0.insert(id, video.clone());
        buffered(&video)
    }
}

fn advance(video: &mut Value, call: &Call<'_>) {
    let prompt = video["prompt"].as_str().unwrap_or_default().to_lowercase();
    match video["status"].as_str() {
        Some("queued") => {
            video["status"] = "in_progress".into();
            video["progress"] = 50.into();
        }
        Some("in_progress") if prompt.contains("trigger the content filter") => {
            video["status"] = "failed".into();
            video["error"] = json!({"code": "moderation_blocked",
                "message": "[simulated] The prompt asked for the content filter."});
        }
        Some("in_progress") => {
            video["status"] = "completed".into();
            video["progress"] = 100.into();
            video["completed_at"] = call.stamp.created().into();
            video["expires_at"] = (call.stamp.created() + LIFE).into();
        }
        _ => {}
    }
}

impl Call<'_> {
    fn is_form(&self) -> bool {
        let kind = self.head.headers.get(http::header::CONTENT_TYPE);
        kind.is_some_and(|value| value.as_bytes().starts_with(b"multipart/form-data"))
    }

    fn form_or_object(&self) -> Result<Object, Refusal> {
        match self.is_form() {
            true => Ok(Form::read(&self.head.headers, self.body)?.object().clone()),
            false => self.object(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::super::Kept;
    use super::super::tests::call;
    use super::*;

    #[test]
    fn a_video_is_done_after_two_looks_and_can_be_made_anew() {
        let mut kept = Kept::default();
        let videos = "/openai/v1/videos";
        let body = json!({"model": "sora-2", "prompt": "elephants", "seconds": "8"});
        let made = call(&mut kept, "POST", videos, &body).1;
        assert_eq!((&made["status"], &made["seconds"]), (&json!("queued"), &json!("8")));
        let one = format!("{videos}/{}", made["id"].as_str().unwrap());
        let early = call(&mut kept, "POST", &format!("{one}/remix"), &json!({"prompt": "b"}));
        assert_eq!(early.0, StatusCode::BAD_REQUEST);
        assert_eq!(call(&mut kept, "GET", &one, &Value::Null).1["progress"], 50);
        assert_eq!(call(&mut kept, "GET", &one, &Value::Null).1["status"], "completed");
        let anew = call(&mut kept, "POST", &format!("{one}/remix"), &json!({"prompt": "b"})).1;
        assert_eq!((&anew["seconds"], &anew["remixed_from_video_id"]), (&json!("8"), &made["id"]));
        assert_eq!(call(&mut kept, "DELETE", &one, &Value::Null).1["deleted"], true);
        let number = json!({"model": "sora-2", "prompt": "elephants", "seconds": 5});
        assert_eq!(call(&mut kept, "POST", videos, &number).0, StatusCode::BAD_REQUEST);
    }
}
