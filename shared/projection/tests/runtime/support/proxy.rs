//! A way to the database that breaks at a chosen message: what a crash between two statements looks like.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use sqlx::postgres::PgConnectOptions;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What is lost when the connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The server never sees the message.
    Request,
    /// The server has done what it was told, and its answer is lost: an in-doubt commit, if it was one.
    Answer,
}

pub(crate) struct Proxy {
    address: SocketAddr,
    /// Messages to let through before the one that breaks; below zero once it is broken, or never to break.
    left: Arc<AtomicI64>,
}

impl Proxy {
    /// Breaks at the client's message number `at`, counted over all connections, and works from then on.
    pub(crate) async fn start(options: &PgConnectOptions, at: i64, lost: Lost) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let left = Arc::new(AtomicI64::new(at));
        let server = format!("{}:{}", options.get_host(), options.get_port());
        let shared = Arc::clone(&left);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                let left = Arc::clone(&shared);
                tokio::spawn(forward(client, server, left, lost));
            }
        });
        Self { address, left }
    }

    pub(crate) fn options(&self, options: &PgConnectOptions) -> PgConnectOptions {
        options
            .clone()
            .host(&self.address.ip().to_string())
            .port(self.address.port())
    }

    /// Whether the message at which to break has come.
    pub(crate) fn is_broken(&self) -> bool {
        self.left.load(Ordering::SeqCst) < 0
    }
}

async fn forward(mut client: TcpStream, mut server: TcpStream, left: Arc<AtomicI64>, lost: Lost) {
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => match read {
                Ok(length @ 1..) => {
                    let breaks = left.fetch_sub(1, Ordering::SeqCst) == 0;
                    if breaks && lost == Lost::Request {
                        return;
                    }
                    if server.write_all(&up[..length]).await.is_err() {
                        return;
                    }
                    if breaks {
                        // The server answers when it has done it.
                        server.readable().await.ok();
                        return;
                    }
                }
                _ => return,
            },
            read = server.read(&mut down) => match read {
                Ok(length @ 1..) if client.write_all(&down[..length]).await.is_ok() => {}
                _ => return,
            },
        }
    }
}
