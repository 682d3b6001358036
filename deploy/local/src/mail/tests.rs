use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::*;

const MAIL: &str = "Subject: =?utf-8?q?Held=3A_7=2E6_=25?=\r\nMessage-ID: <1@test>\r\nIn-Reply-To:\r\n <0@test>\r\n\
    Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nfirst\r\n..dots\r\n\
    --b\r\nContent-Type: text/html\r\n\r\n<b>first</b>\r\n--b--\r\n.\r\n";

const SOON: Duration = Duration::from_secs(5);

/// Says each line and gives the codes of the replies, the greeting's first; 0 for a connection that was cut.
async fn converse(catcher: &MailCatcher, lines: &[&str]) -> Vec<u16> {
    let address = catcher.url().replace("smtp://", "");
    let mut stream = BufReader::new(TcpStream::connect(address).await.unwrap());
    let mut codes = vec![code(&mut stream).await];
    for line in lines {
        let _ = stream.write_all(line.as_bytes()).await;
        codes.push(code(&mut stream).await);
    }
    codes
}

async fn code(stream: &mut BufReader<TcpStream>) -> u16 {
    loop {
        let mut line = String::new();
        let is_cut = stream.read_line(&mut line).await.unwrap_or(0) == 0;
        if is_cut || line.as_bytes()[3] == b' ' {
            return line.get(..3).unwrap_or("0").parse().unwrap();
        }
    }
}

async fn catcher() -> MailCatcher {
    MailCatcher::start("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

#[tokio::test]
async fn each_recipient_gets_the_mail_as_it_was_written() {
    let catcher = catcher().await;
    let hello = ["EHLO me\r\n", "MAIL FROM:<h@test> BODY=8BITMIME\r\n", "RCPT TO:<a@test>\r\n", "rcpt to:<b@test>\r\n"];
    let lines = [hello.as_slice(), &["DATA\r\n", MAIL, "NOOP\r\n", "QUIT\r\n"]].concat();
    assert_eq!(converse(&catcher, &lines).await, [220, 250, 250, 250, 250, 354, 250, 250, 221]);

    let mail = catcher.wait_for(|mail| mail.recipient == "b@test", SOON).await.unwrap();
    assert_eq!((mail.subject.as_str(), mail.html.trim_end()), ("Held: 7.6 %", "<b>first</b>"));
    assert_eq!(mail.text.trim_end(), "first\r\n.dots");
    assert_eq!((mail.header("message-id"), mail.header("In-Reply-To")), (Some("<1@test>"), Some("<0@test>")));
    assert_eq!(catcher.mails().len(), 2);
}

#[tokio::test]
async fn a_refused_recipient_and_commands_out_of_order_leave_no_mail() {
    let catcher = catcher().await;
    let codes = converse(&catcher, &["DATA\r\n", "RCPT TO:<a@test>\r\n", "MAIL FROM:<h@test>\r\n", "EXPN\r\n"]).await;
    assert_eq!(codes, [220, 503, 503, 250, 502]);
    catcher.refuse_next(2, 451);
    let again = ["MAIL FROM:<h@test>\r\n", "RCPT TO:<a@test>\r\n", "RCPT TO:<b@test>\r\n", "DATA\r\n", "RSET\r\n"];
    assert_eq!(converse(&catcher, &again).await, [220, 250, 451, 451, 503, 250]);
    assert_eq!(catcher.mails(), []);
    assert_eq!(converse(&catcher, &again[..2]).await, [220, 250, 250]);
}

#[tokio::test]
async fn down_cuts_connections_and_up_takes_mail_again() {
    let catcher = catcher().await;
    let address = catcher.url().replace("smtp://", "");
    let mut open = BufReader::new(TcpStream::connect(address).await.unwrap());
    assert_eq!(code(&mut open).await, 220);
    catcher.down();
    assert_eq!(code(&mut open).await, 0);
    assert_eq!(converse(&catcher, &[]).await, [0]);
    catcher.up();
    assert_eq!(converse(&catcher, &["QUIT\r\n"]).await, [220, 221]);
}
