//! Proposals to system chaincodes of a peer, and what their answers mean.
//!
//! Input: who asks, a nonce, an instant, a signer; answers as bytes. Output: signed proposals; typed answers. It sends nothing.
//! Invariants: the transaction's id is the hash of nonce and creator, as peers check it; an answer that is not understood is
//! [`AnswerError`], never a success.

use jiff::Timestamp;
use prost::Message;
use thiserror::Error;

use super::wire::common::{BlockchainInfo, ChannelHeader, Header, SignatureHeader, Timestamp as WireTimestamp};
use super::wire::msp::SerializedIdentity;
use super::wire::peer::{
    ChaincodeHeaderExtension, ChaincodeId, ChaincodeInput, ChaincodeInvocationSpec, ChaincodeProposalPayload,
    ChaincodeSpec, ChannelQueryResponse, Proposal, ProposalResponse, SignedProposal,
};
use crate::model::digest::Digest;
use crate::model::names::{ChannelId, MspId};
use crate::x509::certificate::Certificate;
use crate::x509::key::{KeyError, PrivateKey};

/// `HeaderType.ENDORSER_TRANSACTION`.
const ENDORSER_TRANSACTION: i32 = 3;
/// `ChaincodeSpec.Type.GOLANG`.
const GOLANG: i32 = 1;
/// `Response.status` of success (Fabric `core/peer`: `shim.OK`).
const OK: i32 = 200;
/// The most channels of an answer.
const CHANNELS_MAX: usize = 10_000;
/// The most characters of a peer's own words that are kept.
const WORDS_MAX: usize = 300;

/// What a peer is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request<'a> {
    /// Its channels.
    Channels,
    /// To take part in the channel of this block.
    Join(&'a [u8]),
    /// How far its ledger of a channel is.
    ChainInfo(&'a ChannelId),
}

/// Who asks.
#[derive(Debug)]
pub struct Asker<'a> {
    /// Of which organization.
    pub msp_id: &'a MspId,
    /// With which certificate.
    pub certificate: &'a Certificate,
    /// With which key.
    pub key: &'a PrivateKey,
}

/// What makes a proposal single, brought by the caller.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Drawn by chance.
    pub nonce: [u8; 24],
    /// When.
    pub at: Timestamp,
}

impl Request<'_> {
    fn chaincode(&self) -> &'static str {
        match self {
            Self::Channels | Self::Join(_) => "cscc",
            Self::ChainInfo(_) => "qscc",
        }
    }

    fn arguments(&self) -> Vec<Vec<u8>> {
        match self {
            Self::Channels => vec![b"GetChannels".to_vec()],
            Self::Join(block) => vec![b"JoinChain".to_vec(), block.to_vec()],
            Self::ChainInfo(channel) => vec![b"GetChainInfo".to_vec(), channel.as_str().as_bytes().to_vec()],
        }
    }
}

/// A signed proposal.
pub fn signed(request: &Request<'_>, asker: &Asker<'_>, moment: Moment) -> Result<SignedProposal, KeyError> {
    let creator =
        SerializedIdentity { mspid: asker.msp_id.to_string(), id_bytes: asker.certificate.pem().as_bytes().to_vec() }
            .encode_to_vec();
    let tx_id = Digest::of(&[moment.nonce.as_slice(), &creator].concat()).hex();
    let chaincode_id = Some(ChaincodeId { name: request.chaincode().to_owned() });
    let channel_header = ChannelHeader {
        r#type: ENDORSER_TRANSACTION,
        timestamp: Some(WireTimestamp { seconds: moment.at.as_second(), nanos: moment.at.subsec_nanosecond() }),
        // All of these are asked of the peer itself.
        channel_id: String::new(),
        tx_id,
        extension: ChaincodeHeaderExtension { chaincode_id: chaincode_id.clone() }.encode_to_vec(),
        ..ChannelHeader::default()
    };
    let header = Header {
        channel_header: channel_header.encode_to_vec(),
        signature_header: SignatureHeader { creator, nonce: moment.nonce.to_vec() }.encode_to_vec(),
    };
    let input = Some(ChaincodeInput { args: request.arguments() });
    let invocation =
        ChaincodeInvocationSpec { chaincode_spec: Some(ChaincodeSpec { r#type: GOLANG, chaincode_id, input }) };
    let payload = ChaincodeProposalPayload { input: invocation.encode_to_vec() };
    let proposal = Proposal { header: header.encode_to_vec(), payload: payload.encode_to_vec() };
    let proposal_bytes = proposal.encode_to_vec();
    let signature = asker.key.sign(&proposal_bytes)?;
    Ok(SignedProposal { proposal_bytes, signature })
}

/// Why an answer is no success.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AnswerError {
    /// The peer has the channel already.
    #[error("the peer has the channel already")]
    AlreadyJoined,
    /// The asker may not.
    #[error("the peer denies access: {words}")]
    Denied {
        /// Its words, cut.
        words: String,
    },
    /// The peer does not have the channel.
    #[error("the peer does not have the channel")]
    NoChannel,
    /// Something else.
    #[error("the peer answers {status}: {words}")]
    Other {
        /// Its status.
        status: i32,
        /// Its words, cut.
        words: String,
    },
    /// It cannot be understood.
    #[error("the peer's answer cannot be understood: it has no usable {0}")]
    Malformed(&'static str),
}

/// A peer's words, on one line and cut.
pub fn words(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(WORDS_MAX).collect()
}

/// The payload of an answer with status 200.
fn payload(response: ProposalResponse) -> Result<Vec<u8>, AnswerError> {
    let response = response.response.ok_or(AnswerError::Malformed("response"))?;
    if response.status == OK {
        return Ok(response.payload);
    }
    let text = &response.message;
    // The words of 2.5.16 and 3.1.5; the status is 500 for all of them.
    Err(if text.contains("already exists with state") || text.contains("LedgerID already exists") {
        AnswerError::AlreadyJoined
    } else if text.contains("access denied")
        || text.contains("ailed authorization")
        || text.contains("does not satisfy")
    {
        AnswerError::Denied { words: words(text) }
    } else if text.contains("Invalid chain ID") || text.contains("channel does not exist") {
        AnswerError::NoChannel
    } else {
        AnswerError::Other { status: response.status, words: words(text) }
    })
}

/// What the answer to [`Request::Channels`] says.
pub fn channels(response: ProposalResponse) -> Result<Vec<ChannelId>, AnswerError> {
    let read = ChannelQueryResponse::decode(payload(response)?.as_slice());
    let read = read.map_err(|_| AnswerError::Malformed("list of channels"))?;
    if read.channels.len() > CHANNELS_MAX {
        return Err(AnswerError::Malformed("number of channels"));
    }
    let name = |info: &super::wire::peer::ChannelInfo| ChannelId::parse(&info.channel_id);
    read.channels.iter().map(name).collect::<Result<_, _>>().map_err(|_| AnswerError::Malformed("name of a channel"))
}

/// What the answer to [`Request::Join`] says.
pub fn joined(response: ProposalResponse) -> Result<(), AnswerError> {
    payload(response).map(drop)
}

/// What the answer to [`Request::ChainInfo`] says: the height.
pub fn height(response: ProposalResponse) -> Result<u64, AnswerError> {
    let read = BlockchainInfo::decode(payload(response)?.as_slice());
    read.map(|info| info.height).map_err(|_| AnswerError::Malformed("chain info"))
}
