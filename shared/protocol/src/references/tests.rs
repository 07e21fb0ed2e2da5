use super::*;

fn ids(json: &str, path: &str) -> Vec<String> {
    let node: Node<'_> = serde_json::from_str(json).unwrap();
    let path: Vec<_> = path.split('.').collect();
    let mut ids = Vec::new();
    collect(&node, &path, &mut ids);
    ids.into_iter().map(ToOwned::to_owned).collect()
}

fn read_body(places: &[IdPlace], body: &str) -> Result<Vec<(Kind, String)>, BodyRefused> {
    let fields = crate::json::object(body.as_bytes()).unwrap();
    let found = read(places, fields.iter().map(|(name, raw)| (name.as_ref(), raw.get())))?;
    Ok(found.into_iter().map(|reference| (reference.kind, reference.id)).collect())
}

#[test]
fn an_id_that_is_named_again_counts_again() {
    let part = r#"{"type":"input_file","file_id":"file-1"}"#;
    let body = format!(r#"{{"input":[{{"content":[{part},{part},{part}]}}]}}"#);
    let fields = crate::json::object(body.as_bytes()).unwrap();
    let found = read(&[], fields.iter().map(|(name, raw)| (name.as_ref(), raw.get())));
    let found = found.unwrap();
    assert_eq!((found.len(), found[0].times), (1, 3));
}

#[test]
fn ids_are_found_by_the_names_of_their_fields_at_any_depth() {
    let file = vec![(Kind::File, "file-1".to_owned())];
    for body in [
        r#"{"file_id":"file-1"}"#,
        r#"{"new_field":[{"deep":{"file_ids":["file-1"]}}]}"#,
        r#"{"instructions":[{"role":"user","content":[{"type":"input_file","file_id":"file-1"}]}]}"#,
        r#"{"input":[{"type":"image_generation_call","mask":{"File_ID":"file-1"}}]}"#,
        r#"{"x":{"file\u005fid":"file-1"}}"#,
        r#"{"x":[[{"file_id":["file-1"]}]],"y":{"file_id":"file-1"}}"#,
        r#"{"mask_file_id":"file-1"}"#,
        r#"{"x":{"Input_File_IDs":["file-1"]}}"#,
    ] {
        assert_eq!(read_body(&[], body).unwrap(), file, "{body}");
    }
    for body in [
        r#"{"input":[{"type":"code_interpreter_call","container_id":"cntr_1"}]}"#,
        r#"{"input":[{"type":"additional_tools","tools":[{"container":"cntr_1"}]}]}"#,
        r#"{"tools":[{"container":{"type":"auto","id":"cntr_1"}}]}"#,
        r#"{"container":"cntr_1"}"#,
        r#"{"x":{"conTainer":"cntr_1"}}"#,
    ] {
        let container = [(Kind::Container, "cntr_1".to_owned())];
        assert_eq!(read_body(&[], body).unwrap(), container, "{body}");
    }
}

#[test]
fn a_video_that_another_is_made_of_is_an_id() {
    let found = read_body(&[], r#"{"prompt":"x","remix_video_id":"video_1"}"#).unwrap();
    assert_eq!(found, [(Kind::Video, "video_1".to_owned())]);
    let places = crate::videos::PROTOCOL.ids;
    let found = read_body(places, r#"{"prompt":"x","video":{"id":"video_1"}}"#).unwrap();
    assert_eq!(found, [(Kind::Video, "video_1".to_owned())]);
}

#[test]
fn free_text_and_data_of_the_clients_hold_no_ids() {
    for body in [
        r#"{"input":"my file_id is file-1, \"file_id\":\"file-1\""}"#,
        r#"{"messages":[{"role":"user","content":"the file_id is file-1"}]}"#,
        r#"{"input":[{"type":"function_call","arguments":"{\"file_id\":\"file-1\"}"}]}"#,
        r#"{"input":[{"type":"function_call_output","output":"{\"file_id\":\"file-1\"}"}]}"#,
        r#"{"input":[{"type":"tool_search_call","arguments":{"file_id":"file-1"}}]}"#,
        r#"{"metadata":{"file_id":"file-1"}}"#,
        r#"{"profile_id":"file-1"}"#,
        r#"{"client_metadata":{"thread_id":"01a228b4-fb01","session_id":"01a2"}}"#,
        r#"{"tools":[{"type":"function","parameters":{"properties":{"file_id":{"type":"string"}},
            "examples":[{"file_id":"file-1"}],"required":["file_id"]}}]}"#,
        r#"{"tools":[{"name":"f","input_schema":{},"input_examples":[{"file_id":"file-1",
            "nested":[{"container":"cntr_1"}]}]}]}"#,
        r#"{"tools":[{"type":"mcp","headers":{"thread_id":"7"}}]}"#,
        r#"{"tools":[{"container":{"type":"auto"}}]}"#,
    ] {
        assert_eq!(read_body(&[], body).unwrap(), [], "{body}");
    }
}

#[test]
fn the_output_of_an_earlier_turn_names_only_the_containers_that_it_worked_in() {
    let text = |annotation: &str| {
        format!(
            r#"{{"input":[{{"role":"assistant","content":[{{"type":"output_text","text":"x",
                "annotations":[{annotation}]}}]}}]}}"#
        )
    };
    let found = |body: &str| {
        let fields = crate::json::object(body.as_bytes()).unwrap();
        let found = read(&[], fields.iter().map(|(name, raw)| (name.as_ref(), raw.get())));
        let ids = found.unwrap().into_iter().map(|one| (one.kind, one.id, one.is_cited));
        ids.collect::<Vec<_>>()
    };
    let file = |id: &str| (Kind::File, id.to_owned(), false);
    let container = |id: &str, is_cited| (Kind::Container, id.to_owned(), is_cited);
    let cited = r#"{"type":"container_file_citation","container_id":"cntr_1","file_id":"cfile_1"}"#;
    let called = r#"{"input":[{"type":"code_interpreter_call","container_id":"cntr_1",
        "outputs":[{"type":"files","files":[{"file_id":"file-1"}]}]}]}"#;
    for (body, expected) in [
        (text(cited), vec![container("cntr_1", true)]),
        (text(r#"{"type":"file_citation","file_id":"file-1","index":0}"#), vec![]),
        (text(r#"{"type":"file_path","file_id":"file-1","index":0}"#), vec![]),
        (called.to_owned(), vec![container("cntr_1", false)]),
        (
            r#"{"input":[{"type":"file_search_call","queries":["x"],
                "results":[{"file_id":"file-1","text":"x"}]}]}"#
                .to_owned(),
            vec![],
        ),
        (
            r#"{"messages":[{"role":"assistant","content":[{"type":"bash_code_execution_tool_result",
                "content":{"content":[{"type":"bash_code_execution_output","file_id":"file_1"}]}}]}]}"#
                .to_owned(),
            vec![],
        ),
        // What looks like a report and is none.
        (text(r#"{"type":"input_file","file_id":"file-1"}"#), vec![file("file-1")]),
        (
            text(r#"{"type":"file_citation","type":"input_file","file_id":"file-1"}"#),
            vec![file("file-1")],
        ),
        (
            r#"{"input":[{"type":"file_citation","file_id":"file-1"}]}"#.to_owned(),
            vec![file("file-1")],
        ),
        (
            r#"{"input":[{"type":"message","results":[{"file_id":"file-1"}]}]}"#.to_owned(),
            vec![file("file-1")],
        ),
        (
            r#"{"input":[{"type":"code_interpreter_call","Type":"message","container_id":"cntr_1",
                "outputs":[{"file_id":"file-1"}]}]}"#
                .to_owned(),
            vec![file("file-1"), container("cntr_1", false)],
        ),
    ] {
        assert_eq!(found(&body), expected, "{body}");
    }
}

#[test]
fn lists_doubles_letters_and_escapes_hide_nothing() {
    assert_eq!(ids(r#"{"file_ids":["a",["b"]]}"#, "file_ids"), ["a", "b"]);
    assert_eq!(ids(r#"{"file_id":"a","file_id":"b"}"#, "file_id"), ["a", "b"]);
    assert_eq!(ids(r#"{"File_Id":"a","file\u005fid":"b"}"#, "file_id"), ["a", "b"]);
    assert_eq!(ids(r#"[{"x":{"y":[{"file_id":"a"}]}},{"file_id":"b"}]"#, "**.file_id"), ["a", "b"]);
    assert!(ids(r#"{"file_id":{"type":"string"}}"#, "**.file_id").is_empty());
}
