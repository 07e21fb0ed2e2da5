//! Files, and the vector stores that hold them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::fields::Object;
use super::super::refusal::Refusal;
use super::super::response::{Body, SimulatedResponse};
use super::super::stamp::Stamp;
use super::super::upload;
use super::{Call, Kept, SimulatedResult, buffered, page};

#[derive(Debug)]
pub(super) struct Store {
    body: Value,
    /// The ids of files, in the order in which they came.
    files: Vec<String>,
    batches: BTreeMap<String, Vec<String>>,
}

impl Kept {
    pub(super) fn files(&mut self, call: &Call<'_>, path: &[&str]) -> SimulatedResult {
        match (call.method, path) {
            ("POST", []) => {
                let upload = upload::read(call.head, call.body)?;
                let id = call.stamp.id("file-");
                let file = json!({
                    "id": id, "object": "file", "bytes": upload.content.len(),
                    "created_at": call.stamp.created(), "filename": upload.filename,
                    "purpose": upload.purpose, "status": "processed",
                });
                self.files.insert(id, (file.clone(), upload.content));
                buffered(&file)
            }
            ("GET", [id]) => buffered(&self.files.get(*id).ok_or(Refusal::Missing)?.0),
            ("GET", [id, "content"]) => {
                let (_, content) = self.files.get(*id).ok_or(Refusal::Missing)?;
                Ok(SimulatedResponse::of(Body::Octets(content.clone()), "", 0))
            }
            ("DELETE", [id]) => {
                self.files.remove(*id).ok_or(Refusal::Missing)?;
                buffered(&json!({"id": id, "object": "file", "deleted": true}))
            }
            _ => Err(Refusal::Path),
        }
    }

    pub(super) fn vector_stores(&mut self, call: &Call<'_>, path: &[&str]) -> SimulatedResult {
        let (id, rest) = match path {
            [] if call.method == "POST" => {
                let body = call.object()?;
                let id = call.stamp.id("vs_");
                let files = self.known(&body)?;
                let store = Store {
                    body: json!({
                        "id": id, "object": "vector_store", "created_at": call.stamp.created(),
                        "name": body.get("name"), "status": "completed", "usage_bytes": 0,
                        "metadata": body.get("metadata").cloned().unwrap_or_else(|| json!({})),
                        "last_active_at": call.stamp.created(),
                    }),
                    files,
                    batches: BTreeMap::new(),
                };
                let made = store.described();
                self.stores.insert(id, store);
                return buffered(&made);
            }
            [] => return Err(Refusal::Path),
            [id, rest @ ..] => (*id, rest),
        };
        let named = match (call.method, rest) {
            ("POST", ["files" | "file_batches"]) => self.known(&call.object()?)?,
            _ => Vec::new(),
        };
        let store = self.stores.get_mut(id).ok_or(Refusal::Missing)?;
        let file = |file: &str| {
            json!({"id": file, "object": "vector_store.file", "vector_store_id": id,
                "created_at": 0, "status": "completed", "usage_bytes": 0, "last_error": null})
        };
        match (call.method, rest) {
            ("GET", []) => buffered(&store.described()),
            ("POST", []) => {
                for (name, value) in call.object()? {
                    if matches!(name.as_str(), "name" | "metadata") {
                        store.body[name] = value;
                    }
                }
                buffered(&store.described())
            }
            ("DELETE", []) => {
                self.stores.remove(id);
                buffered(&json!({"id": id, "object": "vector_store.deleted", "deleted": true}))
            }
            ("POST", ["search"]) => {
                let found = store.files.iter().filter_map(|id| {
                    let (body, content) = self.files.get(id)?;
                    let text = String::from_utf8_lossy(content);
                    let text = text.chars().take(800).collect::<String>();
                    Some(json!({"file_id": id, "filename": body["filename"], "score": 0.5,
                        "attributes": {}, "content": [{"type": "text", "text": text}]}))
                });
                let data: Vec<Value> = found.collect();
                buffered(&json!({"object": "vector_store.search_results.page", "data": data,
                    "search_query": [call.object()?.get("query")], "has_more": false,
                    "next_page": null}))
            }
            ("POST", ["files"]) => {
                let added = named.first().ok_or_else(|| Refusal::missing("file_id"))?;
                store.files.extend(named.iter().cloned());
                buffered(&file(added))
            }
            ("GET", ["files"]) => {
                buffered(&page(store.files.iter().map(|id| file(id)).collect(), call.query))
            }
            ("GET" | "POST", ["files", one]) if store.has(one) => buffered(&file(one)),
            ("GET", ["files", one, "content"]) if store.has(one) => {
                let text =
                    self.files.get(*one).map(|(_, content)| String::from_utf8_lossy(content));
                buffered(&json!({"object": "vector_store.file_content.page",
                    "data": [{"type": "text", "text": text}], "has_more": false,
                    "next_page": null}))
            }
            ("DELETE", ["files", one]) if store.has(one) => {
                store.files.retain(|id| id != one);
                buffered(
                    &json!({"id": one, "object": "vector_store.file.deleted", "deleted": true}),
                )
            }
            ("POST", ["file_batches"]) => {
                let batch = call.stamp.id("vsfb_");
                store.files.extend(named.iter().cloned());
                let described = batch_of(id, &batch, named.len(), call.stamp);
                store.batches.insert(batch, named);
                buffered(&described)
            }
            ("GET", ["file_batches", batch]) | ("POST", ["file_batches", batch, "cancel"]) => {
                let files = store.batches.get(*batch).ok_or(Refusal::Missing)?;
                buffered(&batch_of(id, batch, files.len(), call.stamp))
            }
            ("GET", ["file_batches", batch, "files"]) => {
                let files = store.batches.get(*batch).ok_or(Refusal::Missing)?;
                buffered(&page(files.iter().map(|id| file(id)).collect(), call.query))
            }
            (_, ["files", ..]) => Err(Refusal::Missing),
            _ => Err(Refusal::Path),
        }
    }

    /// The files that a body names, all of which must be there.
    fn known(&self, body: &Object) -> Result<Vec<String>, Refusal> {
        let one = body.get("file_id").and_then(Value::as_str);
        let many = body.get("file_ids").and_then(Value::as_array).into_iter().flatten();
        let ids: Vec<String> =
            one.into_iter().chain(many.filter_map(Value::as_str)).map(str::to_owned).collect();
        match ids.iter().all(|id| self.files.contains_key(id)) {
            true => Ok(ids),
            false => Err(Refusal::Missing),
        }
    }
}

impl Store {
    fn has(&self, file: &str) -> bool {
        self.files.iter().any(|id| id == file)
    }

    fn described(&self) -> Value {
        let mut body = self.body.clone();
        body["file_counts"] = counts(self.files.len());
        body
    }
}

fn counts(files: usize) -> Value {
    json!({"in_progress": 0, "completed": files, "failed": 0, "cancelled": 0, "total": files})
}

fn batch_of(store: &str, batch: &str, files: usize, stamp: &Stamp) -> Value {
    json!({"id": batch, "object": "vector_store.file_batch", "vector_store_id": store,
        "created_at": stamp.created(), "status": "completed", "file_counts": counts(files)})
}
