//! The simulator over a real socket: framing, headers, pace and end.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::Simulator;

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinSet<anyhow::Result<()>>,
}

async fn start(latency: Duration) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let stopped = async { stopped.await.unwrap_or_default() };
    let mut served = JoinSet::new();
    served.spawn(Simulator { latency }.serve(listener, stopped));
    Running { address, stop, served }
}

async fn send(address: SocketAddr, body: &str, headers: &str) -> TcpStream {
    let stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST /openai/v1/chat/completions HTTP/1.1\r\nhost: a\r\napi-key: k\r\n{headers}\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut rest = request.as_bytes();
    while !rest.is_empty() {
        stream.writable().await.unwrap();
        if let Ok(sent) = stream.try_write(rest) {
            rest = &rest[sent..];
        }
    }
    stream
}

/// What one read of the socket gives; empty at the end.
async fn read(stream: &TcpStream) -> String {
    let mut buffer = vec![0; 65_536];
    loop {
        stream.readable().await.unwrap();
        if let Ok(read) = stream.try_read(&mut buffer) {
            return String::from_utf8(buffer[..read].to_vec()).unwrap();
        }
    }
}

async fn read_all(stream: &TcpStream) -> (String, usize) {
    let (mut text, mut reads) = (String::new(), 0);
    loop {
        let more = read(stream).await;
        if more.is_empty() {
            return (text, reads);
        }
        reads += 1;
        text.push_str(&more);
    }
}

fn hello(stream: bool) -> String {
    let messages = json!([{"role": "user", "content": "Hello"}]);
    json!({"model": "gpt-4o-mini", "messages": messages, "stream": stream}).to_string()
}

#[tokio::test]
async fn an_answer_has_the_headers_of_azure_and_names_the_simulator() {
    let running = start(Duration::ZERO).await;
    let headers = "connection: close\r\nx-ms-client-request-id: mine\r\n";
    let stream = send(running.address, &hello(false), headers).await;
    let (response, _) = read_all(&stream).await;
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    for header in [
        "apim-request-id: ",
        "x-request-id: ",
        "x-ms-region: ",
        "x-ratelimit-remaining-requests: 9999",
        "x-ratelimit-remaining-tokens: 1999992",
        "x-lanyard-simulator: true",
        "x-ms-client-request-id: mine",
        "content-type: application/json",
    ] {
        assert!(response.contains(&format!("\r\n{header}")), "{header} is not in {response}");
    }
}

#[tokio::test]
async fn frames_leave_one_by_one_also_without_latency() {
    let running = start(Duration::ZERO).await;
    let stream = send(running.address, &hello(true), "connection: close\r\n").await;
    let (response, reads) = read_all(&stream).await;
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-type: text/event-stream"));
    assert!(head.contains("x-lanyard-simulator: true"));
    let frames = body.matches("data: ").count();
    assert!(body.ends_with("data: [DONE]\n\n\r\n0\r\n\r\n"), "{body}");
    assert!(frames > 20);
    // Each frame is a chunk of its own: a line with its length, the frame, an empty line.
    assert_eq!(body.matches("\n\n\r\n").count(), frames);
    assert!(reads > 1, "{frames} frames came in one piece");
}

#[tokio::test]
async fn latency_comes_before_the_first_byte() {
    let running = start(Duration::from_millis(50)).await;
    let asked = Instant::now();
    let stream = send(running.address, &hello(true), "").await;
    let first = read(&stream).await;
    assert!(first.starts_with("HTTP/1.1 200"));
    assert!(asked.elapsed() >= Duration::from_millis(50));
    assert!(!first.contains("[DONE]"));
}

#[tokio::test]
async fn the_end_lets_a_stream_finish() {
    let mut running = start(Duration::from_millis(10)).await;
    let stream = send(running.address, &hello(true), "").await;
    let first = read(&stream).await;
    running.stop.send(()).unwrap();
    let (rest, _) = read_all(&stream).await;
    assert!((first + &rest).contains("data: [DONE]"));
    running.served.join_next().await.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}
