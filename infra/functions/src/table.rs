//! The rows of the table.

use crate::function::{Concurrency, Function, Handler, Sample, Schedule};
use crate::policies::{
    ACCOUNT, BIND, CALL_AZURE, CLEAR, FIND_OBJECTS, FINISH, GATHER, KEEP_JOBS, KEEP_OBJECTS,
    LOOK_UP, ORGANISE, RATE, RECONCILE, REGISTER,
};
use crate::routes::{
    ALMOST, ANTHROPICS, ANTHROPICS_ALONE, BELOW_DEPLOYMENTS, BESIDE_DEPLOYMENTS, INFERENCE,
    MODEL_IN_BODY, NO_BASE, OPENAI_ONLY, OURS, UNDER_A_DEPLOYMENT, V1_ONLY,
};

/// Relays one operation to Azure.
const RELAY: Function = Function {
    name: "",
    description: "",
    routes: &[],
    schedule: None,
    handler: Handler::Gateway,
    is_streamed: true,
    memory: Some("MemorySize"),
    timeout_s: None,
    concurrency: Some(Concurrency { condition: "ReservesProxy", parameter: "ProxyConcurrency" }),
    policies: &[&LOOK_UP, &ACCOUNT, &GATHER, &CALL_AZURE],
    own_policy: None,
    sample: Sample::ByHand,
};

/// Relays calls about objects that Azure stores.
const RELAY_OBJECTS: Function = Function {
    handler: Handler::Objects,
    policies: &[&LOOK_UP, &ACCOUNT, &GATHER, &CALL_AZURE, &FIND_OBJECTS, &KEEP_OBJECTS],
    ..RELAY
};

/// Relays calls about objects, some of which are jobs.
const RELAY_JOBS: Function = Function {
    handler: Handler::Objects,
    policies: &[&LOOK_UP, &ACCOUNT, &GATHER, &CALL_AZURE, &FIND_OBJECTS, &KEEP_OBJECTS, &KEEP_JOBS],
    ..RELAY
};

/// Answers an attendee from the table of data, in one buffered response.
const ANSWER: Function = Function {
    name: "",
    description: "",
    routes: &[],
    schedule: None,
    handler: Handler::Gateway,
    is_streamed: false,
    memory: None,
    timeout_s: None,
    concurrency: None,
    policies: &[&LOOK_UP],
    own_policy: None,
    sample: Sample::ByHand,
};

/// Runs on a schedule.
const SCHEDULED: Function = Function { handler: Handler::Schedule, policies: &[], ..ANSWER };

/// Every function, in the template's order.
pub static FUNCTIONS: [Function; 28] = [
    Function {
        name: "chat-completions",
        description: "Relays chat completions, streamed or buffered, and counts their tokens.",
        routes: &[
            BELOW_DEPLOYMENTS.at("", "/chat/completions"),
            ALMOST.at("", "/chat/completions"),
            INFERENCE.at("", "/chat/completions"),
        ],
        // A body may name files.
        policies: &[&LOOK_UP, &ACCOUNT, &GATHER, &CALL_AZURE, &FIND_OBJECTS],
        sample: Sample::Post(
            r#"{"messages": [{"role": "system", "content": "You are a helpful assistant."}, {"role": "user", "content": "Name three things to see in Oslo."}], "max_tokens": 256}"#,
        ),
        ..RELAY
    },
    Function {
        name: "embeddings",
        description: "Relays embeddings and counts their tokens.",
        routes: &[
            BELOW_DEPLOYMENTS.at("", "/embeddings"),
            ALMOST.at("", "/embeddings"),
            INFERENCE.at("", "/embeddings"),
            INFERENCE.at("Images", "/images/embeddings"),
        ],
        sample: Sample::Post(
            r#"{"model": "text-embedding-3-small", "input": ["a first sentence", "a second sentence"]}"#,
        ),
        ..RELAY
    },
    Function {
        name: "completions",
        description: "Relays legacy completions, streamed or buffered, and counts their tokens.",
        routes: &[
            BELOW_DEPLOYMENTS.at("", "/completions"),
            ALMOST.at("", "/completions"),
            OPENAI_ONLY.at("Engines", "/engines/{engine}/completions"),
        ],
        sample: Sample::Post(
            r#"{"model": "gpt-35-turbo-instruct", "prompt": "Once upon a time", "max_tokens": 32}"#,
        ),
        ..RELAY
    },
    Function {
        name: "images-generations",
        description: "Relays generated images and counts them.",
        routes: &[
            BELOW_DEPLOYMENTS.at("", "/images/generations"),
            ALMOST.at("", "/images/generations"),
        ],
        sample: Sample::Post(
            r#"{"prompt": "An elephant that reads", "n": 1, "size": "1024x1024"}"#,
        ),
        ..RELAY
    },
    Function {
        name: "images-edits",
        description: "Relays edited images and counts them.",
        routes: &[BELOW_DEPLOYMENTS.at("", "/images/edits")],
        ..RELAY
    },
    Function {
        name: "audio-transcriptions",
        description: "Relays transcriptions and counts their seconds of audio.",
        routes: &[
            BELOW_DEPLOYMENTS.at("", "/audio/transcriptions"),
            ALMOST.at("", "/audio/transcriptions"),
        ],
        ..RELAY
    },
    Function {
        name: "audio-translations",
        description: "Relays translations of speech and counts their seconds of audio.",
        routes: &[BELOW_DEPLOYMENTS.at("", "/audio/translations")],
        ..RELAY
    },
    Function {
        name: "audio-speech",
        description: "Relays text-to-speech audio and counts its characters.",
        routes: &[BELOW_DEPLOYMENTS.at("", "/audio/speech"), ALMOST.at("", "/audio/speech")],
        sample: Sample::Post(r#"{"input": "Good morning, everybody.", "voice": "alloy"}"#),
        ..RELAY
    },
    Function {
        name: "moderations",
        description: "Relays moderations.",
        routes: &[BELOW_DEPLOYMENTS.at("", "/moderations"), MODEL_IN_BODY.at("", "/moderations")],
        sample: Sample::Post(r#"{"input": "A kind sentence."}"#),
        ..RELAY
    },
    Function {
        name: "responses",
        description: "Relays responses and counts their tokens. Reads and deletes the caller's stored responses.",
        // `{id}` is spelled out: API Gateway allows one variable at each place in a path, and
        // `rate` is below it.
        routes: &[
            BESIDE_DEPLOYMENTS.at("", "/responses"),
            ALMOST.at("", "/responses"),
            ALMOST.at("One", "/responses/{id}"),
            BESIDE_DEPLOYMENTS.at("One", "/responses/{id}"),
            BESIDE_DEPLOYMENTS.at("Below", "/responses/{id}/{proxy+}"),
            // Responses, and a message for the rest. One route for all of them, because API Gateway
            // allows 300 resources.
            UNDER_A_DEPLOYMENT.at("", "/{proxy+}"),
        ],
        sample: Sample::Post(
            r#"{"model": "gpt-5-mini", "input": "Write a poem about Indian elephants", "stream": true}"#,
        ),
        ..RELAY_OBJECTS
    },
    Function {
        name: "messages",
        description: "Relays messages of Claude, streamed or buffered, and counts their tokens.",
        routes: &[ANTHROPICS.at("", "/messages"), ANTHROPICS.at("Count", "/messages/count_tokens")],
        // A body may name files.
        policies: &[&LOOK_UP, &ACCOUNT, &GATHER, &CALL_AZURE, &FIND_OBJECTS],
        sample: Sample::Post(
            r#"{"model": "claude-sonnet-5", "max_tokens": 256, "messages": [{"role": "user", "content": "Name three things to see in Oslo."}]}"#,
        ),
        ..RELAY
    },
    Function {
        name: "conversations",
        description: "Creates, reads, changes and deletes the caller's conversations.",
        routes: &[
            BESIDE_DEPLOYMENTS.at("", "/conversations"),
            BESIDE_DEPLOYMENTS.at("Below", "/conversations/{proxy+}"),
        ],
        sample: Sample::Post(r#"{"metadata": {"topic": "elephants"}}"#),
        ..RELAY_OBJECTS
    },
    Function {
        name: "files",
        description: "Uploads, reads and deletes the caller's files. Refuses batches.",
        routes: &[
            BESIDE_DEPLOYMENTS.at("", "/files"),
            BESIDE_DEPLOYMENTS.at("Below", "/files/{proxy+}"),
            BESIDE_DEPLOYMENTS.at("Batches", "/batches"),
            // There is no batch to ask for, so API Gateway's own message will do elsewhere.
            OPENAI_ONLY.at("BatchesBelow", "/batches/{proxy+}"),
        ],
        sample: Sample::Get,
        ..RELAY_OBJECTS
    },
    Function {
        name: "vector-stores",
        description: "Creates, searches, changes and deletes the caller's vector stores.",
        routes: &[
            BESIDE_DEPLOYMENTS.at("", "/vector_stores"),
            BESIDE_DEPLOYMENTS.at("Below", "/vector_stores/{proxy+}"),
        ],
        sample: Sample::Post(r#"{"name": "Elephants"}"#),
        ..RELAY_OBJECTS
    },
    Function {
        name: "assistants",
        description: "Creates, lists, changes and deletes the caller's assistants.",
        routes: &[
            BESIDE_DEPLOYMENTS.at("", "/assistants"),
            BESIDE_DEPLOYMENTS.at("Below", "/assistants/{proxy+}"),
        ],
        sample: Sample::Post(r#"{"model": "gpt-5-mini", "instructions": "You are a tutor."}"#),
        ..RELAY_OBJECTS
    },
    Function {
        name: "threads",
        description: "Serves the caller's threads, their messages and the runs of assistants.",
        routes: &[
            BESIDE_DEPLOYMENTS.at("", "/threads"),
            BESIDE_DEPLOYMENTS.at("Below", "/threads/{proxy+}"),
        ],
        sample: Sample::Post(r#"{"messages": [{"role": "user", "content": "Hello"}]}"#),
        ..RELAY_JOBS
    },
    Function {
        name: "videos",
        description: "Creates, downloads, lists and deletes the caller's videos.",
        routes: &[
            BESIDE_DEPLOYMENTS.at("", "/videos"),
            BESIDE_DEPLOYMENTS.at("Below", "/videos/{proxy+}"),
        ],
        sample: Sample::Post(
            r#"{"model": "sora-2", "prompt": "Elephants at dusk", "seconds": "4"}"#,
        ),
        ..RELAY_JOBS
    },
    Function {
        name: "containers",
        description: "Reads and deletes the containers of the caller's code interpreter.",
        routes: &[
            BESIDE_DEPLOYMENTS.at("", "/containers"),
            BESIDE_DEPLOYMENTS.at("Below", "/containers/{proxy+}"),
        ],
        ..RELAY_OBJECTS
    },
    Function {
        name: "event",
        description: "Describes the event, its models and the usage and limits of the attendee.",
        routes: &[
            OURS.at("", "/event"),
            // Where the first clients of this kind of service look.
            V1_ONLY.at("Eventinfo", "/eventinfo"),
            NO_BASE.at("Eventinfo", "/eventinfo"),
            // The event's page, for those who have no code yet.
            NO_BASE.at("Public", "/event/{id}"),
        ],
        sample: Sample::Get,
        ..ANSWER
    },
    Function {
        name: "models",
        description: "Lists the models that the event offers.",
        routes: &[
            BESIDE_DEPLOYMENTS.at("", "/models"),
            ALMOST.at("", "/models"),
            ANTHROPICS_ALONE.at("", "/models"),
            ANTHROPICS_ALONE.at("One", "/models/{model}"),
            BESIDE_DEPLOYMENTS.at("One", "/models/{model}"),
        ],
        sample: Sample::Get,
        ..ANSWER
    },
    Function {
        name: "pages",
        description: "Serves the pages for attendees and organisers. It reads nothing from the table.",
        routes: &[
            NO_BASE.at("Pages", "/pages"),
            NO_BASE.at("Below", "/pages/{proxy+}"),
            NO_BASE.at("Healthz", "/healthz"),
            // Some clients look whether the address that they were given answers at all.
            NO_BASE.at("Root", "/"),
            NO_BASE.at("Anthropic", "/anthropic"),
            NO_BASE.at("Openapi", "/openapi.json"),
            NO_BASE.at("Docs", "/docs"),
            NO_BASE.at("Tools", "/setup"),
            NO_BASE.at("Setup", "/setup/{tool}"),
        ],
        handler: Handler::Pages,
        // Compressed bytes need no Base64 then.
        is_streamed: true,
        policies: &[],
        ..ANSWER
    },
    Function {
        name: "rate",
        description: "Stores an attendee's rating of a response.",
        routes: &[BESIDE_DEPLOYMENTS.at("", "/responses/{id}/rate")],
        handler: Handler::Rate,
        own_policy: Some(RATE),
        ..ANSWER
    },
    Function {
        name: "register",
        description: "Gives an attendee a personal key, and shows it again for the same passphrase.",
        routes: &[NO_BASE.at("Event", "/event/{id}/register")],
        handler: Handler::Register,
        own_policy: Some(REGISTER),
        ..ANSWER
    },
    Function {
        name: "own-deployments",
        description: "Manages deployments that belong to one attendee.",
        routes: &[OURS.at("", "/deployments"), OURS.at("One", "/deployments/{name}")],
        handler: Handler::OwnDeployments,
        own_policy: Some(BIND),
        ..ANSWER
    },
    Function {
        name: "admin",
        description: "The organisers' API. Principals that may invoke it directly can create organisers.",
        routes: &[NO_BASE.at("Everything", "/admin/{proxy+}")],
        handler: Handler::Admin,
        concurrency: Some(Concurrency {
            condition: "ReservesAdmin",
            parameter: "AdminConcurrency",
        }),
        policies: &[],
        own_policy: Some(ORGANISE),
        ..ANSWER
    },
    Function {
        name: "sweep",
        description: "Resolves expired reservations and reconciles accounts.",
        schedule: Some(Schedule {
            event: "EveryMinute",
            description: "Runs the sweep.",
            rate: "1 minute",
        }),
        timeout_s: Some(55),
        own_policy: Some(RECONCILE),
        ..SCHEDULED
    },
    Function {
        name: "clear-objects",
        description: "Deletes attendees' objects at Azure after their event has ended.",
        schedule: Some(Schedule {
            event: "EveryTenMinutes",
            description: "Runs clear-objects.",
            rate: "10 minutes",
        }),
        timeout_s: Some(300),
        policies: &[&CALL_AZURE],
        own_policy: Some(CLEAR),
        ..SCHEDULED
    },
    Function {
        name: "finish-jobs",
        description: "Settles runs and videos that ended while no client was watching.",
        schedule: Some(Schedule {
            event: "EveryMinute",
            description: "Runs finish-jobs.",
            rate: "1 minute",
        }),
        timeout_s: Some(50),
        policies: &[&ACCOUNT, &CALL_AZURE],
        own_policy: Some(FINISH),
        ..SCHEDULED
    },
];
