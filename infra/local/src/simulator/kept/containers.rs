//! The code interpreter: containers, and the files in them.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::fields::{self, Object};
use super::super::refusal::Refusal;
use super::super::response::{Body, SimulatedResponse};
use super::super::responses::Made;
use super::{Call, Kept, SimulatedResult, buffered, page};

/// What the simulated code has written.
const RESULT: &[u8] = b"n,square\n1,1\n2,4\n3,9\n";
const FILENAME: &str = "squares.csv";

#[derive(Debug)]
pub(super) struct Container {
    body: Value,
    files: BTreeMap<String, (Value, Bytes)>,
}

impl Kept {
    /// Lets the interpreter write a file, if a response offers it and says something. The message
    /// cites the file.
    pub(super) fn interpret(
        &mut self,
        call: &Call<'_>,
        body: &Object,
        made: &mut Made,
    ) -> Result<(), Refusal> {
        let tools = fields::given(body, "tools").and_then(Value::as_array);
        let tool = tools.into_iter().flatten().find(|tool| tool["type"] == "code_interpreter");
        let Some(tool) = tool else { return Ok(()) };
        let id = self.container(call, &tool["container"], body)?;
        let Some(at) = made.output.iter().position(|item| item["type"] == "message") else {
            return Ok(());
        };
        let container = self.containers.get_mut(&id).ok_or(Refusal::Missing)?;
        let file = container.add(call, FILENAME, "assistant", Bytes::from_static(RESULT));
        let include = fields::given(body, "include").and_then(Value::as_array);
        let shows_outputs = include
            .is_some_and(|listed| listed.iter().any(|one| one == "code_interpreter_call.outputs"));
        let outputs = json!([{"type": "logs", "logs": "3 rows\n"}]);
        made.output[at]["content"][0]["annotations"] = json!([{
            "type": "container_file_citation", "container_id": id, "file_id": file,
            "filename": FILENAME, "start_index": 0, "end_index": 0,
        }]);
        let interpreted = json!({
            "id": call.stamp.id("ci_"), "type": "code_interpreter_call", "status": "completed",
            "code": "write_squares()", "container_id": id,
            "outputs": if shows_outputs { outputs } else { Value::Null },
        });
        made.output.insert(at, interpreted);
        made.body["output"] = json!(made.output);
        Ok(())
    }

    /// The container that a tool names, that of an earlier call in the input, or a new one with its
    /// files.
    fn container(
        &mut self,
        call: &Call<'_>,
        named: &Value,
        body: &Object,
    ) -> Result<String, Refusal> {
        if let Some(id) = named.as_str() {
            let known = self.containers.contains_key(id);
            return known.then(|| id.to_owned()).ok_or(Refusal::Missing);
        }
        if named["type"] != "auto" {
            return Err(Refusal::missing("tools[0].container"));
        }
        let input = fields::given(body, "input").and_then(Value::as_array);
        let calls = input.into_iter().flatten().rev();
        let calls = calls.filter(|item| item["type"] == "code_interpreter_call");
        let earlier = calls.filter_map(|item| item["container_id"].as_str());
        if let Some(id) = earlier.into_iter().find(|id| self.containers.contains_key(*id)) {
            return Ok(id.to_owned());
        }
        let id = call.stamp.id("cntr_");
        let mut container = Container {
            body: json!({
                "id": id, "object": "container", "created_at": call.stamp.created(),
                "last_active_at": call.stamp.created(), "status": "running", "name": "auto",
                "expires_after": {"anchor": "last_active_at", "minutes": 20},
            }),
            files: BTreeMap::new(),
        };
        for file in named["file_ids"].as_array().into_iter().flatten() {
            let kept = self.files.get(file.as_str().unwrap_or_default()).ok_or(Refusal::Missing)?;
            let name = kept.0["filename"].as_str().unwrap_or("file");
            container.add(call, name, "user", kept.1.clone());
        }
        self.containers.insert(id.clone(), container);
        Ok(id)
    }

    pub(super) fn containers(&mut self, call: &Call<'_>, path: &[&str]) -> SimulatedResult {
        let [id, rest @ ..] = path else { return Err(Refusal::Path) };
        if (call.method, rest.is_empty()) == ("DELETE", true) {
            self.containers.remove(*id).ok_or(Refusal::Missing)?;
            let deleted = json!({"id": id, "object": "container.deleted", "deleted": true});
            return buffered(&deleted);
        }
        let container = self.containers.get_mut(*id).ok_or(Refusal::Missing)?;
        match (call.method, rest) {
            ("GET", []) => buffered(&container.body),
            ("GET", ["files"]) => {
                let files = container.files.values().map(|(file, _)| file.clone());
                buffered(&page(files.collect(), call.query))
            }
            ("GET", ["files", file]) => {
                buffered(&container.files.get(*file).ok_or(Refusal::Missing)?.0)
            }
            ("GET", ["files", file, "content"]) => {
                let (_, content) = container.files.get(*file).ok_or(Refusal::Missing)?;
                Ok(SimulatedResponse::of(Body::Octets(content.clone()), "", 0))
            }
            ("DELETE", ["files", file]) => {
                container.files.remove(*file).ok_or(Refusal::Missing)?;
                buffered(&json!({"id": file, "object": "container.file.deleted", "deleted": true}))
            }
            _ => Err(Refusal::Path),
        }
    }
}

impl Container {
    /// Adds a file and returns its id.
    fn add(&mut self, call: &Call<'_>, name: &str, source: &str, content: Bytes) -> String {
        let id = call.stamp.id(&format!("cfile_{}x", self.files.len()));
        let file = json!({
            "id": id, "object": "container.file", "container_id": self.body["id"],
            "created_at": call.stamp.created(), "bytes": content.len(),
            "path": format!("/mnt/data/{name}"), "source": source,
        });
        self.files.insert(id.clone(), (file, content));
        id
    }
}
