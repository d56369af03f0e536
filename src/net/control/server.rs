//! The listener of the control endpoint: connections, requests, answers.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use super::answer::{self, Refusal};
use super::call;
use super::desk::{Desk, Loaded};
use super::{Load, OPENAPI};

/// Connections at once; those beyond wait to be accepted.
const MOST_CONNECTIONS: usize = 64;

/// How long the head of a request may take, and a connection be idle.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// Bytes of the head of a request.
const LARGEST_HEAD: usize = 32 << 10;

/// How long a failing `accept` is waited out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why there is no endpoint.
#[derive(Debug, thiserror::Error)]
pub enum ControlError<E> {
    /// The event loop could not be set up.
    #[error("cannot start the event loop")]
    Start(#[source] io::Error),
    /// The address cannot be used.
    #[error("cannot listen on `{address}`")]
    Listen {
        /// As asked for.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// Whoever was to be told that it is ready could not be.
    #[error("it could not be said that it is ready")]
    Ready(E),
}

/// Serves at `listen` until `stop`; `ready` is told the address before anybody is answered.
pub fn run<L, E>(
    listen: &str,
    desk: Desk<L>,
    ready: impl FnOnce(SocketAddr, &Desk<L>) -> Result<(), E>,
    stop: impl Future<Output = ()>,
) -> Result<(), ControlError<E>>
where
    L: Fn(&Load) -> Result<Loaded, Refusal>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(ControlError::Start)?.block_on(async {
        let unusable = |source| ControlError::Listen { address: listen.to_owned(), source };
        let listener = TcpListener::bind(listen).await.map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        ready(address, &desk).map_err(ControlError::Ready)?;
        serve(&listener, address.ip().is_loopback(), &desk, stop).await;
        desk.end().await;
        Ok(())
    })
}

async fn serve<L>(listener: &TcpListener, local: bool, desk: &Desk<L>, stop: impl Future<Output = ()>)
where
    L: Fn(&Load) -> Result<Loaded, Refusal>,
{
    let mut stop = std::pin::pin!(stop);
    let mut connections = FuturesUnordered::new();
    loop {
        tokio::select! {
            () = &mut stop => return,
            Some(()) = connections.next(), if !connections.is_empty() => {}
            accepted = listener.accept(), if connections.len() < MOST_CONNECTIONS => match accepted {
                Ok((socket, _)) => connections.push(attend(socket, local, desk)),
                Err(error) => {
                    tracing::warn!(%error, "a connection to the control endpoint could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
}

async fn attend<L>(socket: TcpStream, local: bool, desk: &Desk<L>)
where
    L: Fn(&Load) -> Result<Loaded, Refusal>,
{
    // Answers are small and awaited.
    let _ = socket.set_nodelay(true);
    let service = service_fn(|request| respond(request, local, desk));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(socket), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection to the control endpoint ended early");
    }
}

async fn respond<L>(
    request: Request<Incoming>,
    local: bool,
    desk: &Desk<L>,
) -> Result<Response<Full<Bytes>>, Infallible>
where
    L: Fn(&Load) -> Result<Loaded, Refusal>,
{
    let answered = match call::read(request, local).await {
        Ok(call::Call::OpenApi) => Ok(OPENAPI.to_owned()),
        Ok(call) => desk.serve(call).await,
        Err(refusal) => Err(refusal),
    };
    Ok(match answered {
        Ok(body) => answer::json(StatusCode::OK, body),
        Err(refusal) => answer::refusal(&refusal),
    })
}
