//! Answers and metrics of real servers, and proposals as a peer checks them.

use prost::Message;

use super::material::leaf;
use super::vector;
use crate::fabric::metrics::{RaftState, Samples};
use crate::fabric::participation::{self, AnswerError, ChannelInfo, Relation, Status};
use crate::fabric::proposal::{self, Asker, Moment, Request};
use crate::fabric::wire::common::{BlockchainInfo, ChannelHeader, Header, SignatureHeader};
use crate::fabric::wire::msp::SerializedIdentity;
use crate::fabric::wire::peer::{
    ChaincodeInvocationSpec, ChaincodeProposalPayload, ChannelInfo as WireChannel, ChannelQueryResponse, Proposal,
    ProposalResponse, Response,
};
use crate::model::digest::Digest;
use crate::model::names::{ChannelId, MspId};
use crate::x509::profile::Profile;

fn channel(name: &str) -> ChannelId {
    ChannelId::parse(name).unwrap()
}

/// A recorded answer: its status on the first line, its body after it.
fn answer(name: &str) -> (u16, Vec<u8>) {
    let whole = vector(&format!("{name}.txt"));
    let end = whole.iter().position(|byte| *byte == b'\n').unwrap();
    let status = String::from_utf8(whole[..end].to_vec()).unwrap().trim().parse().unwrap();
    (status, whole[end + 1..].to_vec())
}

#[test]
fn recorded_lists_and_descriptions_are_understood() {
    let list = |name: &str| {
        let (status, body) = answer(name);
        participation::list(status, &body)
    };
    assert_eq!(list("rest/list").unwrap(), [channel("ch1")]);
    assert_eq!((list("rest/list-empty").unwrap(), list("rest25/list").unwrap()), (Vec::new(), Vec::new()));
    assert!(list("rest/list-slash").is_err());
    let one = |name: &str| {
        let (status, body) = answer(name);
        participation::one(&channel("ch1"), status, &body)
    };
    let active = ChannelInfo { relation: Relation::Consenter, status: Status::Active, height: 1 };
    assert_eq!(
        one("rest25/one").unwrap().map(|info| (info.relation, info.status)),
        Some((Relation::Consenter, Status::Active))
    );
    assert_eq!((one("rest/one-absent").unwrap(), one("rest25/one-absent").unwrap()), (None, None));
    assert!(matches!(one("rest/one-badname"), Err(AnswerError::Other { status: 400, .. })));
    let (status, body) = answer("rest/join-ok");
    assert_eq!(participation::joined(&channel("ch1"), status, &body).unwrap(), active);
    let (status, body) = answer("rest/lost-join");
    let onboarding = participation::joined(&channel("ch1"), status, &body).unwrap();
    assert_eq!((onboarding.status, onboarding.height), (Status::Onboarding, 0));
}

#[test]
fn a_404_of_somebody_else_is_not_absence() {
    for body in ["404 page not found", "", "{\"error\":\"no route\"}", "{\"error\":{}}"] {
        assert!(participation::one(&channel("ch1"), 404, body.as_bytes()).is_err(), "{body}");
    }
    let another = br#"{"name":"ch2","consensusRelation":"consenter","status":"active","height":1}"#;
    let found = participation::one(&channel("ch1"), 200, another);
    assert_eq!(found, Err(AnswerError::Malformed("name of the channel")));
    for (status, body) in [(200, "{}"), (201, "null"), (200, "{\"channels\":[{\"name\":\"NO\"}]}")] {
        assert!(participation::list(status, body.as_bytes()).map_or(true, |found| found.is_empty()), "{body}");
    }
}

#[test]
fn recorded_refusals_of_a_join_are_told_apart() {
    let joined = |name: &str| {
        let (status, body) = answer(name);
        participation::joined(&channel("ch1"), status, &body).unwrap_err()
    };
    for line in ["rest", "rest25"] {
        assert_eq!(joined(&format!("{line}/join-dup")), AnswerError::AlreadyJoined);
        assert!(matches!(joined(&format!("{line}/join-garbage")), AnswerError::Refused { .. }));
    }
    for name in ["join-emptyblock", "join-twoparts", "join-wrongfield", "join-json", "join-nopart", "join-toobig"] {
        assert!(matches!(joined(&format!("rest/{name}")), AnswerError::Refused { .. }), "{name}");
    }
    let AnswerError::Refused { words } = joined("rest25/join-v30") else { panic!() };
    assert!(words.contains("Must set some OrdererAddresses"), "{words}");
}

#[test]
fn the_body_of_a_join_holds_the_block_in_one_part_with_a_files_name() {
    let block = b"--\r\nany bytes\0";
    let (kind, body) = participation::join_body(block);
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    let text = String::from_utf8_lossy(&body);
    assert!(text.starts_with(&format!("--{boundary}\r\n")) && text.ends_with(&format!("\r\n--{boundary}--\r\n")));
    assert_eq!(text.matches(boundary).count(), 2);
    assert!(text.contains("name=\"config-block\"; filename=\""), "{text}");
    assert!(body.windows(block.len()).any(|window| window == block));
}

#[test]
fn recorded_metrics_say_what_raft_knows_and_what_is_not_there_is_nothing() {
    let samples = Samples::read(&String::from_utf8(vector("orderer-metrics.txt")).unwrap());
    let expected = RaftState { is_leader: true, active_nodes: 3, cluster_size: 3, committed_block: Some(39) };
    let found = samples.raft(&channel("ch1")).unwrap();
    assert_eq!(RaftState { is_leader: true, ..found }, expected);
    assert_eq!(samples.height(&channel("ch1")), Some(40));
    assert_eq!((samples.raft(&channel("ch9")), samples.height(&channel("ch9"))), (None, None));
    let peer = Samples::read(&String::from_utf8(vector("peer-metrics.txt")).unwrap());
    assert_eq!((peer.height(&channel("ch1")), peer.raft(&channel("ch1"))), (Some(40), None));
    for odd in [
        "",
        "x{channel=\"ch1\"} NaN",
        "ledger_blockchain_height{channel=\"ch1\"} -1",
        "ledger_blockchain_height{channel=\"ch1\"} 1.5",
    ] {
        assert_eq!(Samples::read(odd).height(&channel("ch1")), None, "{odd}");
    }
}

fn moment() -> Moment {
    Moment { nonce: [9; 24], at: "2026-11-27T01:02:03.000000004Z".parse().unwrap() }
}

#[test]
fn a_proposal_holds_what_a_peer_checks() {
    let (certificate, key) = leaf("Org1MSP", Profile::Operator, "admin");
    let msp_id = MspId::parse("Org1MSP").unwrap();
    let asker = Asker { msp_id: &msp_id, certificate: &certificate, key: &key };
    for (request, name, first) in [
        (Request::Channels, "cscc", "GetChannels"),
        (Request::Join(b"block"), "cscc", "JoinChain"),
        (Request::ChainInfo(&channel("ch1")), "qscc", "GetChainInfo"),
    ] {
        let signed = proposal::signed(&request, &asker, moment()).unwrap();
        key.public_key().verify(&signed.proposal_bytes, &signed.signature).unwrap();
        let sent = Proposal::decode(signed.proposal_bytes.as_slice()).unwrap();
        let header = Header::decode(sent.header.as_slice()).unwrap();
        let who = SignatureHeader::decode(header.signature_header.as_slice()).unwrap();
        let creator = SerializedIdentity::decode(who.creator.as_slice()).unwrap();
        assert_eq!((creator.mspid.as_str(), creator.id_bytes.as_slice()), ("Org1MSP", certificate.pem().as_bytes()));
        let channel_header = ChannelHeader::decode(header.channel_header.as_slice()).unwrap();
        assert_eq!(channel_header.tx_id, Digest::of(&[who.nonce.as_slice(), &who.creator].concat()).hex());
        assert_eq!((channel_header.r#type, channel_header.channel_id.as_str()), (3, ""));
        let payload = ChaincodeProposalPayload::decode(sent.payload.as_slice()).unwrap();
        let spec = ChaincodeInvocationSpec::decode(payload.input.as_slice()).unwrap().chaincode_spec.unwrap();
        assert_eq!(spec.chaincode_id.unwrap().name, name);
        assert_eq!(spec.input.unwrap().args[0], first.as_bytes());
    }
}

fn said(status: i32, message: &str, payload: Vec<u8>) -> ProposalResponse {
    let response = Some(Response { status, message: message.to_owned(), payload });
    ProposalResponse { response, ..ProposalResponse::default() }
}

#[test]
fn a_peers_answers_are_told_apart_by_its_words() {
    let check = |message: &str, expected: fn(&proposal::AnswerError) -> bool| {
        let found = proposal::joined(said(500, message, Vec::new())).unwrap_err();
        assert!(expected(&found), "{message}: {found:?}");
    };
    check("cannot create ledger from genesis block: ledger [ch1] already exists with state [ACTIVE]", |e| {
        *e == proposal::AnswerError::AlreadyJoined
    });
    check(
        "access denied for [JoinChain][ch1]: [Failed verifying that proposal's creator satisfies local MSP principal]",
        |e| matches!(e, proposal::AnswerError::Denied { .. }),
    );
    check(
        "something\nelse",
        |e| matches!(e, proposal::AnswerError::Other { status: 500, words } if words == "something else"),
    );
    assert!(proposal::joined(said(200, "", Vec::new())).is_ok());
    assert_eq!(proposal::joined(ProposalResponse::default()), Err(proposal::AnswerError::Malformed("response")));
    let info = BlockchainInfo { height: 40, ..BlockchainInfo::default() };
    assert_eq!(proposal::height(said(200, "", info.encode_to_vec())), Ok(40));
    let named = |name: &str| WireChannel { channel_id: name.to_owned() };
    let list = ChannelQueryResponse { channels: vec![named("ch1"), named("ch2")] };
    assert_eq!(proposal::channels(said(200, "", list.encode_to_vec())).unwrap().len(), 2);
    let odd = ChannelQueryResponse { channels: vec![named("../etc")] };
    assert!(proposal::channels(said(200, "", odd.encode_to_vec())).is_err());
}
