//! Ordering nodes and peers behind the plan of faults.
//!
//! Input: calls of the port. Output: what the nodes answer, or a planned fault. It decides nothing that the nodes do not.
//! Invariants: every join passes the plan of faults exactly once, as an effect; a crashed process gets no answer any more.

use std::sync::Arc;

use async_trait::async_trait;

use super::faults::{Effect, Fault, Faults};
use crate::fabric::metrics::Samples;
use crate::fabric::participation::ChannelInfo;
use crate::model::names::ChannelId;
use crate::ports::dialer::{DialError, Route};
use crate::ports::ledger::{Joined, LedgerError, Ledgers, NodeAddress, OrdererAdmin, PeerAdmin, Signatory, TlsClient};

/// Nodes of another port, with faults.
pub struct SimLedgers {
    inner: Arc<dyn Ledgers>,
    faults: Arc<Faults>,
}

impl SimLedgers {
    /// Over these nodes.
    pub fn new(inner: Arc<dyn Ledgers>, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }

    fn of<T: ?Sized>(&self, inner: Arc<T>, at: &NodeAddress) -> Faulty<T> {
        Faulty { inner, faults: self.faults.clone(), at: at.clone() }
    }
}

impl Ledgers for SimLedgers {
    fn orderer(&self, at: &NodeAddress, administrator: &TlsClient) -> Result<Arc<dyn OrdererAdmin>, LedgerError> {
        Ok(Arc::new(self.of(self.inner.orderer(at, administrator)?, at)))
    }

    fn peer(&self, at: &NodeAddress, administrator: &Signatory) -> Result<Arc<dyn PeerAdmin>, LedgerError> {
        Ok(Arc::new(self.of(self.inner.peer(at, administrator)?, at)))
    }
}

struct Faulty<T: ?Sized> {
    inner: Arc<T>,
    faults: Arc<Faults>,
    at: NodeAddress,
}

fn lost() -> LedgerError {
    LedgerError::Ambiguous { detail: "the connection broke".to_owned() }
}

impl<T: ?Sized> Faulty<T> {
    async fn before_read(&self) -> Result<(), LedgerError> {
        self.alive().await;
        match self.faults.read() {
            Some(fault) => self.instead(fault).await,
            None => Ok(()),
        }
    }

    async fn join(
        &self,
        send: impl Future<Output = Result<Joined, LedgerError>> + Send,
    ) -> Result<Joined, LedgerError> {
        self.alive().await;
        let target = format!("{}.{}", self.at.name, self.at.namespace);
        match self.faults.effect(Effect::Join, &target) {
            None => send.await,
            Some(Fault::CrashAfter) => {
                drop(send.await);
                self.faults.crash().await;
                Err(lost())
            }
            Some(Fault::LostAnswer) => {
                drop(send.await);
                Err(lost())
            }
            Some(fault) => {
                self.instead(fault).await?;
                send.await
            }
        }
    }

    async fn instead(&self, fault: Fault) -> Result<(), LedgerError> {
        let words = || "not now".to_owned();
        match fault {
            Fault::CrashBefore | Fault::CrashAfter => {
                self.faults.crash().await;
                Err(lost())
            }
            Fault::LostAnswer | Fault::LostRequest => Err(lost()),
            Fault::Busy(_) | Fault::Unavailable | Fault::Conflict => Err(LedgerError::Unavailable { words: words() }),
            Fault::Unreachable => Err(LedgerError::Unreachable(DialError {
                route: Route::Service {
                    region: self.at.region.clone(),
                    namespace: self.at.namespace.clone(),
                    name: self.at.name.clone(),
                    port: self.at.port,
                },
                detail: "connection refused".to_owned(),
            })),
            Fault::Refused => Err(LedgerError::Denied { words: words() }),
            Fault::Slow(duration) => {
                tokio::time::sleep(duration).await;
                Ok(())
            }
        }
    }

    async fn alive(&self) {
        if self.faults.is_crashed() {
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl OrdererAdmin for Faulty<dyn OrdererAdmin> {
    async fn channels(&self) -> Result<Vec<ChannelId>, LedgerError> {
        self.before_read().await?;
        self.inner.channels().await
    }

    async fn channel(&self, channel: &ChannelId) -> Result<Option<ChannelInfo>, LedgerError> {
        self.before_read().await?;
        self.inner.channel(channel).await
    }

    async fn join(&self, channel: &ChannelId, block: &[u8]) -> Result<Joined, LedgerError> {
        Faulty::join(self, self.inner.join(channel, block)).await
    }

    async fn metrics(&self) -> Result<Samples, LedgerError> {
        self.before_read().await?;
        self.inner.metrics().await
    }
}

#[async_trait]
impl PeerAdmin for Faulty<dyn PeerAdmin> {
    async fn channels(&self) -> Result<Vec<ChannelId>, LedgerError> {
        self.before_read().await?;
        self.inner.channels().await
    }

    async fn height(&self, channel: &ChannelId) -> Result<Option<u64>, LedgerError> {
        self.before_read().await?;
        self.inner.height(channel).await
    }

    async fn join(&self, block: &[u8]) -> Result<Joined, LedgerError> {
        Faulty::join(self, self.inner.join(block)).await
    }

    async fn metrics(&self) -> Result<Samples, LedgerError> {
        self.before_read().await?;
        self.inner.metrics().await
    }
}
