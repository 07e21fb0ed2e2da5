//! Attendees who keep objects, and the paths at which they do.

use bytes::Bytes;
use http::Method;
use lanyard_domain::hosted_tools::HostedTools;
use lanyard_domain::object::Kind;
use lanyard_domain::operation::Operation;
use lanyard_protocol::Protocol;
use serde_json::{Value, json};

use super::attendee::Attendee;
use super::builder::Builder;
use super::{TestResponse, canary};

/// The operations of kept objects.
pub(crate) const KEEPING: [Operation; 7] = [
    Operation::Responses,
    Operation::Conversations,
    Operation::Files,
    Operation::VectorStores,
    Operation::Assistants,
    Operation::Threads,
    Operation::Videos,
];

impl Builder {
    /// An event that keeps objects, at the deployments named gpt-4o-mini.
    pub(crate) fn keeping(self) -> Self {
        self.with(|event| {
            event.keeps_objects = true;
            event.hosted_tools = HostedTools::allowing(["code_interpreter"]);
            for operation in KEEPING {
                let name = "gpt-4o-mini".parse().expect("is a name");
                event.default_deployments.insert(operation, name);
            }
        })
        .deployments(|deployments| {
            for deployment in deployments {
                if deployment.name.as_str() == "gpt-4o-mini" {
                    deployment.operations.extend(KEEPING);
                }
            }
        })
    }
}

/// The path of a kind.
pub(crate) fn path(kind: Kind) -> String {
    format!("/api/v1/{}", Protocol::of_kind(kind).path)
}

/// A form with a file and a purpose.
pub(crate) fn form(purpose: &str) -> Bytes {
    form_with(purpose, &format!("some notes, {}", canary::PROMPT))
}

fn form_with(purpose: &str, content: &str) -> Bytes {
    Bytes::from(format!(
        "--edge\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n{purpose}\r\n\
         --edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"notes.txt\"\r\n\
         Content-Type: text/plain\r\n\r\n{content}\r\n--edge--\r\n"
    ))
}

impl super::World {
    /// Ends every run and video at once, and accounts for them.
    pub(crate) async fn end_jobs(&self) {
        use lanyard_gateway::ports::Clock;
        // Of one that is gone, that is believed after some minutes.
        self.wait(chrono::TimeDelta::minutes(6));
        for id in self.azure().kept() {
            let end = json!({"status": "completed", "usage": super::azure::kept::run_usage()});
            self.azure().set_job(&id, end);
        }
        let until = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
        let ended = finish_jobs::handle(self.process(), self.clock().now(), until).await;
        ended.expect("the jobs are listed");
    }
}

impl Attendee {
    /// Calls with a JSON body, or with none.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> TestResponse {
        let mut request = match body {
            Some(body) => self.post(path, body.to_string()),
            None => self.get(path),
        };
        *request.method_mut() = method;
        self.send(request).await
    }

    /// Uploads a file.
    pub(crate) async fn upload(&self, purpose: &str) -> TestResponse {
        self.upload_form(form(purpose)).await
    }

    /// Uploads a file with this content. Returns its id.
    pub(crate) async fn own_file(&self, content: &str) -> String {
        let uploaded = self.upload_form(form_with("user_data", content)).await.assert_ok().json();
        uploaded["id"].as_str().expect("it has an id").to_owned()
    }

    async fn upload_form(&self, form: Bytes) -> TestResponse {
        let mut request = self.post(&path(Kind::File), form);
        let kind = "multipart/form-data; boundary=edge".parse().expect("is a value");
        request.headers_mut().insert(http::header::CONTENT_TYPE, kind);
        self.send(request).await
    }

    /// Makes an object of a kind.
    pub(crate) async fn make(&self, kind: Kind) -> TestResponse {
        match kind {
            Kind::File => self.upload("user_data").await,
            Kind::Response => self.respond(json!({})).await,
            Kind::Conversation | Kind::VectorStore | Kind::Thread => {
                self.call(Method::POST, &path(kind), Some(&json!({}))).await
            }
            Kind::Assistant => {
                let body = json!({"model": "gpt-4o-mini", "instructions": canary::PROMPT});
                self.call(Method::POST, &path(kind), Some(&body)).await
            }
            Kind::Run => {
                let thread = self.own_id(Kind::Thread).await;
                self.run(&thread, json!({})).await
            }
            // Its response is not kept.
            Kind::Container => {
                let tool = json!({"type": "code_interpreter", "container": {"type": "auto"}});
                self.respond(json!({"store": false, "tools": [tool]})).await
            }
            Kind::Video => {
                let body = json!({"prompt": canary::PROMPT, "seconds": "8"});
                self.call(Method::POST, &path(kind), Some(&body)).await
            }
        }
    }

    /// Makes an object of a kind and returns its id; of a run, behind its thread's.
    pub(crate) async fn own(&self, kind: Kind) -> String {
        let made = self.make(kind).await;
        let made = made.assert_ok().json();
        let id = match kind == Kind::Container {
            true => &made["output"][0]["container_id"],
            false => &made["id"],
        };
        let id = id.as_str().expect("it has an id");
        match made["thread_id"].as_str() {
            Some(thread) => format!("{thread}|{id}"),
            None => id.to_owned(),
        }
    }

    async fn own_id(&self, kind: Kind) -> String {
        let is_assistant = kind == Kind::Assistant;
        let body = if is_assistant { json!({"model": "gpt-4o-mini"}) } else { json!({}) };
        let made = self.call(Method::POST, &path(kind), Some(&body)).await;
        made.assert_ok().json()["id"].as_str().expect("it has an id").to_owned()
    }

    /// Runs a new assistant on a thread, with further fields.
    pub(crate) async fn run(&self, thread: &str, fields: Value) -> TestResponse {
        let mut body = json!({"assistant_id": self.own_id(Kind::Assistant).await});
        for (name, value) in fields.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        let runs = format!("{}/{thread}/runs", path(Kind::Thread));
        self.call(Method::POST, &runs, Some(&body)).await
    }

    /// Asks for a response, with further fields.
    pub(crate) async fn respond(&self, fields: Value) -> TestResponse {
        self.call(Method::POST, &path(Kind::Response), Some(&response(fields))).await
    }
}

/// A request for a response, with further fields.
pub(crate) fn response(fields: Value) -> Value {
    let mut body = json!({"model": "gpt-4o-mini", "input": format!("hello {}", canary::PROMPT)});
    for (name, value) in fields.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}
