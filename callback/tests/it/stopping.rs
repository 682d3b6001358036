//! The real binary: it answers, and SIGTERM lets it finish.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Command, Stdio},
    time::Duration,
};

use crate::{doubles::Doubles, world::setting};

const NAMES: [&str; 9] = [
    "HOLDPOINT_ENVIRONMENT",
    "HOLDPOINT_BUCKET",
    "HOLDPOINT_CLOCK_QUEUE_URL",
    "HOLDPOINT_NOTICES_QUEUE_URL",
    "HOLDPOINT_LINK_KEYS",
    "HOLDPOINT_PUBLIC_URL",
    "HOLDPOINT_LISTEN",
    "HOLDPOINT_SLACK_SIGNING_SECRET",
    "HOLDPOINT_SLACK_TEAM",
];

#[tokio::test]
async fn b30_a_request_in_flight_is_finished_on_sigterm() {
    let (_doubles, aws) = Doubles::start().await;
    tokio::task::spawn_blocking(move || stop_amid_a_request(aws)).await.unwrap();
}

fn stop_amid_a_request(aws: SocketAddr) {
    let mut binary = binary(aws);
    let mut callback = binary.spawn().unwrap();
    let mut log = BufReader::new(callback.stderr.take().unwrap());
    let addr = address(&mut log);
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));

    let health = binary.env("HOLDPOINT_LISTEN", addr.to_string()).arg("health");
    assert!(health.status().unwrap().success());
    let body = "decision=approve";
    let mut slow = TcpStream::connect(addr).unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!(
        "POST /slack/interactions HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        body.len()
    );
    slow.write_all(head.as_bytes()).unwrap();
    // The server asks for the body: from here on the request is in flight.
    let mut asked = [0; 25];
    slow.read_exact(&mut asked).unwrap();
    assert!(asked.starts_with(b"HTTP/1.1 100 Continue"));

    let terminated = Command::new("kill").args(["-TERM", &callback.id().to_string()]).status().unwrap();
    assert!(terminated.success());
    let refused = (0..2_000).any(|_| {
        std::thread::sleep(Duration::from_millis(5));
        TcpStream::connect(addr).is_err()
    });
    assert!(refused, "no new connection is taken");
    slow.write_all(body.as_bytes()).unwrap();
    let mut reply = String::new();
    slow.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 401"), "{reply}");
    assert!(callback.wait().unwrap().success());
    assert_eq!(health.status().unwrap().code(), Some(1), "nobody answers any more");
}

fn binary(aws: SocketAddr) -> Command {
    let mut callback = Command::new(env!("CARGO_BIN_EXE_holdpoint-callback"));
    callback
        .env_clear()
        .envs(NAMES.map(|name| (name, setting(name, aws).unwrap())))
        .envs([("AWS_ENDPOINT_URL", format!("http://{aws}")), ("AWS_EC2_METADATA_DISABLED", "true".into())])
        .envs([("AWS_REGION", "us-east-1"), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")])
        .stderr(Stdio::piped());
    callback
}

fn address(log: &mut impl BufRead) -> SocketAddr {
    let mut line = String::new();
    while log.read_line(&mut line).unwrap() > 0 {
        let entry: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        if let Some(addr) = entry["http.addr"].as_str() {
            return addr.parse().unwrap();
        }
        line.clear();
    }
    panic!("it never said where it listens");
}
