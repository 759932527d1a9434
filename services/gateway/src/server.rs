//! Connections: how many there may be, and how long each may keep silent.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_io_timeout::TimeoutStream;

use crate::Limits;
use crate::problem::{Code, Problem};

/// Most bytes of a request's line and headers.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// What is kept of a connection's bytes, each way, before its other end has to wait.
const BUFFER_BYTES_MAX: usize = 64 * 1024;

/// Most headers of a request.
const HEADERS_MAX: usize = 64;

/// How long requests under way have to end when the gateway stops.
const END_WITHIN: Duration = Duration::from_secs(5);

/// How long it rests when the system gives no more connections (no file handles left, as a rule).
const REST: Duration = Duration::from_millis(50);

/// Serves until it is to stop, then lets requests end.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: &Limits,
    mut stopping: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head_within)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(BUFFER_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.wait_for(|stopping| *stopping) => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection can't be accepted");
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tokio::spawn(refuse(stream, limits.write_within));
            continue;
        };
        // Answers are small and complete: nothing is gained by holding back a segment.
        drop(stream.set_nodelay(true));
        let mut io = TimeoutStream::new(stream);
        // Whoever doesn't read is cut off.
        io.set_write_timeout(Some(limits.write_within));
        let service = TowerToHyperService::new(router.clone());
        let connection = http.serve_connection(TokioIo::new(Box::pin(io)), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke off");
            }
            drop(place);
        });
    }
    drop(listener);
    // What hasn't ended by then is dropped with the runtime.
    drop(tokio::time::timeout(END_WITHIN, graceful.shutdown()).await);
}

/// Says why, and closes. The request is not read.
async fn refuse(mut stream: TcpStream, within: Duration) {
    let body = Problem::new(Code::ConnectionsExhausted, "close some, or come back later").to_json();
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let say = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    };
    // It may be gone.
    drop(tokio::time::timeout(within, say).await);
}
