//! A dialer whose connections break after a long request was answered: the effect happens, its answer is lost.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use futures::io::{AsyncRead, AsyncWrite};
use heddle::ports::dialer::{ByteStream, DialError, Dialer, Route};

/// Bytes of a request that count as long: a block, and no handshake.
const LONG: usize = 6000;

/// Dials like another one.
pub struct CuttingDialer(pub Arc<dyn Dialer>);

#[async_trait]
impl Dialer for CuttingDialer {
    async fn dial(&self, route: &Route) -> Result<Box<dyn ByteStream>, DialError> {
        let inner = self.0.dial(route).await?;
        Ok(Box::new(Cutting { inner, written: 0 }))
    }
}

struct Cutting {
    inner: Box<dyn ByteStream>,
    written: usize,
}

impl AsyncRead for Cutting {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let read = Pin::new(&mut self.inner).poll_read(cx, buffer);
        match read {
            Poll::Ready(Ok(count)) if count > 0 && self.written >= LONG => {
                Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
            }
            other => other,
        }
    }
}

impl AsyncWrite for Cutting {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        if let Poll::Ready(Ok(count)) = &written {
            self.written += count;
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }
}
