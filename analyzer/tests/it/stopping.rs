//! The real binary: SIGTERM ends it with 0, once the receive in flight is answered; a missing setting is named.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
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

fn start(settings: &[(&str, &str)], aws: SocketAddr) -> Child {
    Command::new(env!("CARGO_BIN_EXE_holdpoint-analyzer"))
        .env_clear()
        .envs(settings.iter().copied())
        .envs([("AWS_ENDPOINT_URL", format!("http://{aws}")), ("AWS_EC2_METADATA_DISABLED", "true".into())])
        .envs([("AWS_REGION", "us-east-1"), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn b01_sigterm_ends_a_waiting_analyzer_with_0() {
    let (received, polled) = mpsc::channel();
    let aws = serve(received);
    let settings = [
        ("HOLDPOINT_BUCKET", "pushes"),
        ("HOLDPOINT_PUSHES_QUEUE_URL", "http://127.0.0.1/000000000000/pushes"),
        ("HOLDPOINT_STATE_MACHINE_ARN", "arn:aws:states:us-east-1:000000000000:stateMachine:review"),
    ];
    let mut analyzer = start(&settings, aws);
    let mut log = analyzer.stderr.take().unwrap();
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    polled.recv().expect("it asks for pushes");
    assert!(Command::new("kill").args(["-TERM", &analyzer.id().to_string()]).status().unwrap().success());
    assert_eq!(analyzer.wait().unwrap().code(), Some(0));
}

#[test]
fn every_missing_setting_is_named_on_stderr() {
    let (received, _polled) = mpsc::channel();
    let analyzer = start(&[], serve(received)).wait_with_output().unwrap();
    assert_eq!(analyzer.status.code(), Some(1));
    let said = String::from_utf8(analyzer.stderr).unwrap();
    for name in ["HOLDPOINT_BUCKET", "HOLDPOINT_PUSHES_QUEUE_URL", "HOLDPOINT_STATE_MACHINE_ARN"] {
        assert!(said.contains(name), "{name} in {said}");
    }
}
