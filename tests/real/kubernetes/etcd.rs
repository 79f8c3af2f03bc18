//! A question to etcd over its JSON gateway.
//!
//! Input: the port, a path, a body. Output: the answer. It speaks plain HTTP on loopback, one request a connection, and
//! panics when there is no answer.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

/// Posts a JSON body and reads the JSON answer.
pub fn ask(port: u16, path: &str, body: &Value) -> Value {
    let body = body.to_string();
    let mut wire = TcpStream::connect(("127.0.0.1", port)).expect("etcd listens");
    let length = body.len();
    let head = format!("POST {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {length}\r\n\r\n");
    wire.write_all(format!("{head}{body}").as_bytes()).expect("etcd takes a request");
    let mut answer = String::new();
    wire.read_to_string(&mut answer).expect("etcd answers text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    assert!(head.split(' ').nth(1) == Some("200"), "etcd answered {answer}");
    serde_json::from_str(body).expect("etcd answers JSON")
}

/// Text as etcd's gateway takes it (RFC 4648).
pub fn text(plain: &str) -> String {
    heddle::sim::store::base64(plain.as_bytes())
}
