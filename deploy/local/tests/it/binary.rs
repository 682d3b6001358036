//! The real binary: it says where it listens, serves the SDKs, and ends with 0 when asked to.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use holdpoint_platform::Clients;

#[tokio::test]
async fn b01_sigterm_ends_the_stand_in_with_0() {
    let mut stand_in = Command::new(env!("CARGO_BIN_EXE_holdpoint-local"))
        .args(["aws", "--listen", "127.0.0.1:0"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(stand_in.stderr.take().unwrap());
    let mut ready = String::new();
    log.read_line(&mut ready).unwrap();
    let endpoint = ready.split_whitespace().find(|word| word.starts_with("http")).unwrap();
    let activity = Clients::of_stand_in(endpoint, "test").sfn.create_activity().name("a").send().await.unwrap();
    assert!(activity.activity_arn.ends_with(":activity:a"));
    assert!(Command::new("kill").args(["-TERM", &stand_in.id().to_string()]).status().unwrap().success());
    assert_eq!(stand_in.wait().unwrap().code(), Some(0));
}

#[test]
fn an_address_that_others_reach_is_refused() {
    let refused = Command::new(env!("CARGO_BIN_EXE_holdpoint-local")).args(["aws", "--listen", "0.0.0.0:0"]).output();
    let refused = refused.unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no loopback address"));
}
