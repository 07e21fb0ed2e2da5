mod by_model;
mod changes;
mod defaults;
mod tools;
mod window;

use chrono::{DateTime, Utc};
use insta::assert_snapshot;
use lanyard_domain::catalog::{AzureApi, CompletionField, Deployment};
use lanyard_domain::credential::Credential;
use lanyard_domain::event::Event;
use lanyard_domain::models::FactOverrides;
use lanyard_domain::operation::Operation;
use lanyard_gateway::handler::ErrorResponse;
use serde_json::{Map, Value, json};

use super::rules::{NewEvent, changed, created};
use super::view::EventView;
use crate::AdminError;

fn now() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn deployment(name: &str, operation: Operation, tokens_per_minute: Option<u64>) -> Deployment {
    Deployment {
        name: name.parse().unwrap(),
        replica: "main".parse().unwrap(),
        endpoint: "https://one.openai.azure.com".to_owned(),
        azure_name: name.parse().unwrap(),
        model: None,
        overrides: FactOverrides::default(),
        operations: vec![operation],
        api: AzureApi::V1,
        weight: 1,
        requests_per_minute: None,
        tokens_per_minute,
        completion_field: CompletionField::MaxTokens,
        prices: None,
        credential: Credential::Key("main/x/main".to_owned()),
    }
}

fn deployments() -> Vec<Deployment> {
    vec![
        deployment("gpt-4o", Operation::ChatCompletions, None),
        deployment("gpt-4o-mini", Operation::ChatCompletions, Some(1_000_000)),
        deployment("text-embedding-3-small", Operation::Embeddings, None),
    ]
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn create(body: Value) -> Result<Event, AdminError> {
    create_of(body, &deployments())
}

fn create_of(body: Value, deployments: &[Deployment]) -> Result<Event, AdminError> {
    let organiser = "main".parse().unwrap();
    let new_event = NewEvent {
        id: "evt_1".parse().unwrap(),
        organiser: &organiser,
        user_salt: "salt".to_owned(),
        random: [1, 12, 3, 14, 5, 16, 7, 30],
        now: now(),
    };
    created(&object(body), new_event, deployments).map(|(event, _)| event)
}

fn oslo(more: Value) -> Value {
    let mut body = object(json!({
        "name": "Oslo Hack",
        "starts_at": "2026-12-05T09:00", "ends_at": "2026-12-06T18:00",
        "time_zone": "Europe/Oslo",
    }));
    body.extend(object(more));
    Value::Object(body)
}

fn shown(event: &Event) -> String {
    serde_json::to_string_pretty(&EventView::of(event, now())).unwrap()
}

fn change(event: &Event, body: Value) -> Result<Event, AdminError> {
    change_of(event, body, &deployments())
}

fn change_of(event: &Event, body: Value, deployments: &[Deployment]) -> Result<Event, AdminError> {
    changed(event, &object(body), deployments, now())
}

/// Every wrong field of a refusal, one a line.
fn mistakes<T: std::fmt::Debug>(refused: Result<T, AdminError>) -> String {
    let error = refused.unwrap_err();
    let AdminError::Invalid(mistakes) = error else { panic!("{error:?}") };
    mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_event_needs_only_a_name_a_window_and_a_zone() {
    assert_snapshot!(shown(&create(oslo(json!({}))).unwrap()), @r#"
    {
      "id": "evt_1",
      "name": "Oslo Hack",
      "status": "scheduled",
      "paused": false,
      "code": "oslo-hack-1c3e5g7y",
      "starts_at": "2026-12-05T09:00:00+01:00",
      "ends_at": "2026-12-06T18:00:00+01:00",
      "time_zone": "Europe/Oslo",
      "attendees": 100,
      "preset": "workshop",
      "deployments": null,
      "default_deployments": {
        "chat_completions": "gpt-4o",
        "embeddings": "text-embedding-3-small"
      },
      "max_completion_tokens": null,
      "max_choices": 1,
      "extra_tool_types": [],
      "hosted_tools": {},
      "keeps_objects": false,
      "allowances": {
        "attendee": {
          "requests_per_minute": 20,
          "tokens_per_minute": 40000,
          "requests_per_day": 1000,
          "tokens_per_day": null,
          "tokens_total": 1000000,
          "images_total": 50,
          "audio_seconds_total": 3600,
          "characters_total": 100000,
          "video_seconds_total": 60,
          "usd_per_day": null,
          "usd_total": null,
          "in_flight": 8
        },
        "event": {
          "requests_per_minute": 2000,
          "tokens_per_minute": 1000000,
          "requests_per_day": null,
          "tokens_per_day": null,
          "tokens_total": 50000000,
          "images_total": 2500,
          "audio_seconds_total": 180000,
          "characters_total": 5000000,
          "video_seconds_total": 3000,
          "usd_per_day": null,
          "usd_total": null,
          "in_flight": 400,
          "attendees": 300
        }
      },
      "contact": {
        "name": null,
        "email": null,
        "email_public": false
      },
      "url": null,
      "url_text": null,
      "description": null,
      "image_url": null,
      "access": "open",
      "auto_register": false,
      "own_deployments": "none",
      "records_requests": true,
      "shards": 1,
      "created_at": "2026-11-21T12:00:00Z",
      "version": 1,
      "warnings": []
    }
    "#);
}

#[test]
fn every_field_can_be_set_at_once() {
    let event = create(oslo(json!({
        "code": "Hackathon",
        "attendees": 20,
        "deployments": ["gpt-4o-mini"],
        "default_deployments": {"chat_completions": "gpt-4o-mini"},
        "max_completion_tokens": 256,
        "max_choices": 2,
        "extra_tool_types": ["file_search"],
        "keeps_objects": true,
        "allowances": {
            "attendee": {"requests_per_minute": null, "tokens_per_day": 1_000, "in_flight": 1},
            "event": {"tokens_total": 255, "attendees": null},
        },
        "contact": {"name": "Ada", "email": "ada@example.org"},
        "url": "https://example.org/hack",
        "url_text": "Read more",
        "description": "Hello.\n\nBring a **laptop**.",
        "image_url": "https://example.org/hack.png",
    })));
    assert_snapshot!(shown(&event.unwrap()), @r#"
    {
      "id": "evt_1",
      "name": "Oslo Hack",
      "status": "scheduled",
      "paused": false,
      "code": "hackathon",
      "starts_at": "2026-12-05T09:00:00+01:00",
      "ends_at": "2026-12-06T18:00:00+01:00",
      "time_zone": "Europe/Oslo",
      "attendees": 20,
      "preset": "workshop",
      "deployments": [
        "gpt-4o-mini"
      ],
      "default_deployments": {
        "chat_completions": "gpt-4o-mini"
      },
      "max_completion_tokens": 256,
      "max_choices": 2,
      "extra_tool_types": [
        "file_search"
      ],
      "hosted_tools": {
        "file_search": "allow"
      },
      "keeps_objects": true,
      "allowances": {
        "attendee": {
          "requests_per_minute": null,
          "tokens_per_minute": 200000,
          "requests_per_day": 1000,
          "tokens_per_day": 1000,
          "tokens_total": 25,
          "images_total": 50,
          "audio_seconds_total": 3600,
          "characters_total": 100000,
          "video_seconds_total": 60,
          "usd_per_day": null,
          "usd_total": null,
          "in_flight": 1
        },
        "event": {
          "requests_per_minute": 400,
          "tokens_per_minute": 1000000,
          "requests_per_day": null,
          "tokens_per_day": null,
          "tokens_total": 255,
          "images_total": 500,
          "audio_seconds_total": 36000,
          "characters_total": 1000000,
          "video_seconds_total": 600,
          "usd_per_day": null,
          "usd_total": null,
          "in_flight": 80,
          "attendees": null
        }
      },
      "contact": {
        "name": "Ada",
        "email": "ada@example.org",
        "email_public": false
      },
      "url": "https://example.org/hack",
      "url_text": "Read more",
      "description": "Hello.\n\nBring a **laptop**.",
      "image_url": "https://example.org/hack.png",
      "access": "open",
      "auto_register": false,
      "own_deployments": "none",
      "records_requests": true,
      "shards": 1,
      "created_at": "2026-11-21T12:00:00Z",
      "version": 1,
      "warnings": [
        "The code can be guessed. Anyone who tries common words may use the event: leave the code out to get one that cannot be guessed.",
        "allowances.attendee.tokens_total is smaller than a request with the longest response, 256 tokens and its prompt: such requests are refused. Raise it, or lower max_completion_tokens.",
        "allowances.event.tokens_total is smaller than a request with the longest response, 256 tokens and its prompt: such requests are refused. Raise it, or lower max_completion_tokens."
      ]
    }
    "#);
}

#[test]
fn every_wrong_field_is_reported_at_once() {
    let refused = create(json!({
        "starts_at": "tomorrow",
        "ends_at": 5,
        "time_zone": "Mars/Olympus",
        "code": "h c",
        "attendees": 0,
        "deployments": ["gpt-4o-mini", "gpt-9", "gpt-4o-mini", "a/b", 7],
        "default_deployments": {"chat": "gpt-4o-mini", "embeddings": 1},
        "max_completion_tokens": 1.5,
        "max_choices": "1",
        "extra_tool_types": ["file_search", "telepathy"],
        "keeps_objects": "yes",
        "shards": 65,
        "allowances": {
            "attendee": {"requests_per_minute": 0, "tokens": 5},
            "event": {"in_flight": "4", "attendees": -1},
            "team": {},
        },
        "contact": {"name": "", "email": "ada", "phone": "1"},
        "url": "javascript:alert(1)",
        "url_text": "",
        "description": ["x"],
        "image_url": "http://example.org/a.png",
        "paused": true,
    }));
    assert_snapshot!(mistakes(refused), @"
    ends_at must be a date and time such as 2026-12-05T09:00, with an offset or Z if it is not local
    time_zone must be the name of an IANA time zone, such as Europe/Oslo
    code must be 4 to 64 characters
    attendees must be a whole number from 1 to 100000
    deployments [2] repeats a name; [3] must be 1 to 64 of A-Z a-z 0-9 . _ -; [4] must be text
    default_deployments.embeddings must be text
    default_deployments.chat is not a field that can be set; there are: chat_completions, embeddings, completions, images_generations, images_edits, audio_transcriptions, audio_translations, audio_speech, moderations, responses, messages, conversations, files, vector_stores, assistants, threads, videos, containers
    max_completion_tokens must be a whole number from 1 to 1000000
    max_choices must be a whole number from 1 to 128
    extra_tool_types must be a list of some of: code_execution, code_interpreter, file_search, hosted_shell, image_generation, mcp, web_fetch, web_search, web_search_preview, apply_patch, bash, browser_toolset, computer, computer_toolset, computer_use, custom, function, local_shell, memory, namespace, shell, text_editor, tool_search, tool_search_tool, tool_search_tool_bm25, tool_search_tool_regex, computer_use_preview
    keeps_objects must be true or false
    shards must be a whole number from 1 to 64
    allowances.event.attendees must be a whole number from 1 to 1000000000000, or null for no such limit
    allowances.attendee.requests_per_minute must be a whole number from 1 to 1000000000000, or null for no such limit
    allowances.attendee.tokens is not a field that can be set; there are: by_model, requests_per_minute, tokens_per_minute, requests_per_day, tokens_per_day, tokens_total, images_total, audio_seconds_total, characters_total, video_seconds_total, usd_per_day, usd_total, in_flight
    allowances.event.in_flight must be a whole number from 1 to 1000000000000, or null for no such limit
    allowances.team is not a field that can be set; there are: event, attendee
    contact.name must be one line of text, 1 to 128 characters
    contact.email must be a mail address
    contact.phone is not a field that can be set; there are: name, email, email_public
    url must be an address that begins with https:// or http://
    url_text must be one line of text, 1 to 128 characters
    description must be text of at most 8192 characters
    image_url must be an address that begins with https://
    paused is not a field that can be set; there are: name, starts_at, ends_at, time_zone, code, attendees, preset, deployments, default_deployments, max_completion_tokens, max_choices, extra_tool_types, hosted_tools, keeps_objects, shards, allowances, contact, url, url_text, description, image_url, access, auto_register, own_deployments, records_requests
    name is required
    starts_at must be a date and time such as 2026-12-05T09:00, with an offset or Z if it is not local
    ");
}

#[tokio::test]
async fn a_refusal_has_the_schema_of_every_error_and_its_details() {
    use http_body_util::BodyExt;
    let response = create(json!({"name": "x", "colour": "red"})).unwrap_err().into_response();
    assert_eq!(response.status(), 400);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_snapshot!(serde_json::to_string_pretty(&body).unwrap(), @r#"
    {
      "error": {
        "code": "invalid_value",
        "details": [
          {
            "field": "colour",
            "message": "is not a field that can be set; there are: name, starts_at, ends_at, time_zone, code, attendees, preset, deployments, default_deployments, max_completion_tokens, max_choices, extra_tool_types, hosted_tools, keeps_objects, shards, allowances, contact, url, url_text, description, image_url, access, auto_register, own_deployments, records_requests"
          },
          {
            "field": "time_zone",
            "message": "is required"
          },
          {
            "field": "starts_at",
            "message": "is required"
          },
          {
            "field": "ends_at",
            "message": "is required"
          }
        ],
        "message": "4 fields are not acceptable, all listed in details. The first: colour is not a field that can be set; there are: name, starts_at, ends_at, time_zone, code, attendees, preset, deployments, default_deployments, max_completion_tokens, max_choices, extra_tool_types, hosted_tools, keeps_objects, shards, allowances, contact, url, url_text, description, image_url, access, auto_register, own_deployments, records_requests.",
        "param": "colour",
        "type": "invalid_request_error"
      }
    }
    "#);
}

#[test]
fn warnings_name_unusual_settings() {
    let event = create(oslo(json!({
        "code": "hackathon",
        "starts_at": "2026-10-24T09:00", "ends_at": "2026-10-25T18:00",
        "allowances": {"attendee": {"tokens_per_day": 4_096}},
    })));
    assert_snapshot!(super::warnings::of(&event.unwrap()).join("\n"), @"
    The code can be guessed. Anyone who tries common words may use the event: leave the code out to get one that cannot be guessed.
    The clocks in Europe/Oslo change on 2026-10-25 during the event: that day is not 24 hours long.
    allowances.attendee.tokens_per_day is smaller than a request with the longest response, 4096 tokens and its prompt: such requests are refused. Raise it, or lower max_completion_tokens.
    ");
}
