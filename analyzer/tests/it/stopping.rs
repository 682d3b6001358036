//! The real binary: SIGTERM ends it with 0, once the receive in flight is answered; a missing setting is named.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Command, Stdio},
    sync::mpsc,
};

/// As much of S3 and SQS as a service without pushes sees: a bucket that keeps versions, and a queue that stays empty.
fn serve(received: mpsc::Sender<()>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let received = received.clone();
            std::thread::spawn(move || answer(stream, &received));
        }
    });
    addr
}

fn answer(mut stream: TcpStream, received: &mpsc::Sender<()>) -> Option<()> {
    let mut requests = BufReader::new(stream.try_clone().ok()?);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            match requests.read_line(&mut head).ok()? {
                0 => return None,
                1 | 2 => break,
                _ => {}
            }
            let last = head.lines().last().unwrap_or_default().to_ascii_lowercase();
            length = last.strip_prefix("content-length:").map_or(length, |value| value.trim().parse().unwrap());
        }
        requests.read_exact(&mut vec![0; length]).ok()?;
        let (kind, body) = if head.contains("versioning") {
            ("application/xml", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
        } else {
            let _ = received.send(());
            ("application/x-amz-json-1.0", "{}")
        };
        let size = body.len();
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {size}\r\n\r\n{body}").ok()?;
    }
}

fn start(settings: &[(&str, &str)], aws: SocketAddr) -> Command {
    let mut analyzer = Command::new(env!("CARGO_BIN_EXE_holdpoint-analyzer"));
    analyzer
        .env_clear()
        .envs(settings.iter().copied())
        .envs([("AWS_ENDPOINT_URL", format!("http://{aws}")), ("AWS_EC2_METADATA_DISABLED", "true".into())])
        .envs([("AWS_REGION", "us-east-1"), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")])
        .stderr(Stdio::piped());
    analyzer
}

const SETTINGS: [(&str, &str); 3] = [
    ("HOLDPOINT_BUCKET", "pushes"),
    ("HOLDPOINT_PUSHES_QUEUE_URL", "http://127.0.0.1/000000000000/pushes"),
    ("HOLDPOINT_STATE_MACHINE_ARN", "arn:aws:states:us-east-1:000000000000:stateMachine:review"),
];

#[test]
fn b01_sigterm_ends_a_waiting_analyzer_with_0() {
    let (received, polled) = mpsc::channel();
    let aws = serve(received);
    let mut analyzer = start(&SETTINGS, aws).spawn().unwrap();
    let mut log = analyzer.stderr.take().unwrap();
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    polled.recv().expect("it asks for pushes");
    assert!(Command::new("kill").args(["-TERM", &analyzer.id().to_string()]).status().unwrap().success());
    assert_eq!(analyzer.wait().unwrap().code(), Some(0));
}

#[test]
fn every_missing_setting_is_named_on_stderr() {
    let (received, _polled) = mpsc::channel();
    let analyzer = start(&[], serve(received)).output().unwrap();
    assert_eq!(analyzer.status.code(), Some(1));
    let said = String::from_utf8(analyzer.stderr).unwrap();
    for name in ["HOLDPOINT_BUCKET", "HOLDPOINT_PUSHES_QUEUE_URL", "HOLDPOINT_STATE_MACHINE_ARN"] {
        assert!(said.contains(name), "{name} in {said}");
    }
}

#[test]
fn without_a_folder_to_work_in_it_ends_at_once_and_names_it() {
    let (received, polled) = mpsc::channel();
    let analyzer = start(&SETTINGS, serve(received)).env("TMPDIR", "/nowhere/at/all").output().unwrap();
    assert_eq!(analyzer.status.code(), Some(1));
    let said = String::from_utf8(analyzer.stderr).unwrap();
    assert!(said.contains("/nowhere/at/all cannot be written") && said.contains("TMPDIR"), "{said}");
    assert!(polled.try_recv().is_err(), "no push was taken");
}

#[test]
fn an_analyzer_is_well_once_its_queue_has_answered() {
    let (received, polled) = mpsc::channel();
    let mut analyzer = start(&SETTINGS, serve(received));
    let mut service = analyzer.env("HOLDPOINT_METRICS_LISTEN", "127.0.0.1:0").spawn().unwrap();
    let mut log = BufReader::new(service.stderr.take().unwrap()).lines();
    let addr = log.find_map(|line| {
        let entry: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        entry["metrics.addr"].as_str().map(str::to_owned)
    });
    std::thread::spawn(move || log.for_each(drop));
    let health = analyzer.env("HOLDPOINT_METRICS_LISTEN", addr.unwrap()).arg("health");
    // The second receive is sent when the first was answered.
    polled.recv().and_then(|()| polled.recv()).expect("it asks for pushes");
    assert!(health.status().unwrap().success());
    service.kill().unwrap();
    service.wait().unwrap();
    let said = String::from_utf8(health.output().unwrap().stderr).unwrap();
    assert!(said.contains("no answer from 127.0.0.1"), "{said}");
}
