//! The gateway as a whole: started, running, stopped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::middleware::from_fn_with_state;
use futures::future::join_all;
use sqlx::postgres::PgConnectOptions;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};
use tributary_contracts::topics::{ACCOUNTS_EVENTS, ACCOUNTS_INBOX, PAYMENTS_EVENTS, PAYMENTS_INBOX};
use tributary_stream::kafka::Watermarks;
use tributary_stream::log::Fault;

use crate::app::App;
use crate::guard::guard;
use crate::host::{Hosts, check_host};
use crate::log::{Sender, TailThread};
use crate::metrics::Metrics;
use crate::personal::PersonalData;
use crate::read::{self, Progress, ReadModels};
use crate::{LISTEN_NOT_LOOPBACK, api, server};

/// Threads that answer requests: what takes time is done by Kafka and PostgreSQL.
const THREADS: usize = 2;

/// What the system keeps of an answer for a client that doesn't read it; by default that grows to megabytes.
const SEND_BYTES: u32 = 128 * 1024;

/// Connections that the system keeps until they are accepted.
const BACKLOG: u32 = 1_024;

/// How long connections to PostgreSQL have to be closed in order when the gateway stops.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// Readers of the past that listeners may have at once; each may buffer 32 MB.
const PAST_MAX: usize = 4;

/// What the gateway takes on at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections. Who comes beyond is told so, and disconnected.
    pub connections_max: usize,
    /// Commands whose delivery is not reported yet.
    pub in_flight_max: usize,
    /// Records of an inbox's partition that its service may be behind before commands are turned away.
    pub lag_max: i64,
    /// Clients that listen to events.
    pub streams_max: usize,
    /// How long a request's head may take to come, also on a connection that is kept.
    pub head_within: Duration,
    /// How long a client may read nothing while something is to be written to it.
    pub write_within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 1_000,
            in_flight_max: 1_000,
            lag_max: 10_000,
            streams_max: 64,
            head_within: Duration::from_secs(15),
            write_within: Duration::from_secs(10),
        }
    }
}

/// How to start a gateway.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen: on loopback. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Kafka's bootstrap address.
    pub brokers: String,
    /// PostgreSQL's address.
    pub database_url: String,
    /// None: personal data is neither taken nor shown.
    pub personal_data: Option<PersonalData>,
    pub limits: Limits,
    /// Names besides the loopback's that requests may be sent to, as `Host` has them: of a tunnel or proxy on this machine.
    pub hosts: Vec<String>,
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    #[error(
        "{LISTEN_NOT_LOOPBACK}: {0} can be reached from other machines, and nobody has to sign in yet; listen on 127.0.0.1 or [::1]"
    )]
    NotLoopback(SocketAddr),
    #[error("can't listen on {address}: {error}")]
    Listen {
        address: SocketAddr,
        error: std::io::Error,
    },
    #[error("the database's address can't be read")]
    DatabaseUrl,
    #[error("Kafka: {0}")]
    Log(#[from] Fault),
    #[error("the system: {0}")]
    System(#[from] std::io::Error),
    #[error("the OpenAPI document: {0}")]
    Document(#[from] serde_json::Error),
}

/// A running gateway. Dropped, it stops.
pub struct Gateway {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
    // After the thread: requests may wait for what these read.
    _tails: [TailThread; 2],
}

impl Gateway {
    /// Starts a gateway on threads of its own. PostgreSQL need not be there yet.
    ///
    /// # Errors
    /// When the address is not on loopback or taken, or Kafka or its topics are not there.
    pub fn start(options: Options) -> Result<Self, GatewayError> {
        if !options.listen.ip().is_loopback() {
            return Err(GatewayError::NotLoopback(options.listen));
        }
        let database: PgConnectOptions = options
            .database_url
            .parse()
            .map_err(|_| GatewayError::DatabaseUrl)?;
        let partitions = Watermarks::connect(&options.brokers)?.partitions(PAYMENTS_INBOX.name)?;
        let (accounts, accounts_thread) =
            TailThread::start(&options.brokers, ACCOUNTS_EVENTS, ACCOUNTS_INBOX)?;
        let (payments, payments_thread) =
            TailThread::start(&options.brokers, PAYMENTS_EVENTS, PAYMENTS_INBOX)?;
        let sender = Sender::connect(&options.brokers, options.limits.in_flight_max)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("gateway")
            .enable_all()
            .build()?;
        let listener = runtime
            .block_on(async { bind(options.listen) })
            .map_err(|error| GatewayError::Listen {
                address: options.listen,
                error,
            })?;
        let address = listener.local_addr()?;
        let (stop, stopping) = watch::channel(false);
        let (router, document) = api::routes();
        let [of_accounts, of_payments, of_fraud] = read::TIMELINES;
        let app = {
            // The pool starts a task.
            let _entered = runtime.enter();
            Arc::new(App {
                brokers: options.brokers,
                partitions: i32::try_from(partitions.len()).unwrap_or(i32::MAX),
                models: ReadModels::new(database),
                vault: options.personal_data.map(PersonalData::vault),
                progress: [read::ACCOUNTS, read::PAYMENTS, of_accounts, of_payments, of_fraud]
                    .map(Progress::new)
                    .into(),
                sender,
                accounts,
                payments,
                streams: Arc::new(Semaphore::new(options.limits.streams_max)),
                past: Arc::new(Semaphore::new(PAST_MAX)),
                stopping,
                document: serde_json::to_string(&document)?,
                limits: options.limits,
            })
        };
        let hosts = Hosts {
            port: address.port(),
            configured: options.hosts,
        };
        let router = router
            .layer(from_fn_with_state(Arc::new(hosts), check_host))
            .layer(from_fn_with_state(Arc::new(Metrics::new()), guard))
            .with_state(Arc::clone(&app));
        let thread = std::thread::Builder::new()
            .name("gateway".to_owned())
            .spawn(move || run(&runtime, listener, router, &app))?;
        Ok(Self {
            address,
            stop,
            thread: Some(thread),
            _tails: [accounts_thread, payments_thread],
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it ended by itself.
    pub fn has_failed(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Lets requests end, and stops.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // It has no outcome; a panic was logged.
            drop(thread.join());
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.end();
    }
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // As the standard library does: the port of a gateway that has just ended can be taken again.
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn run(runtime: &Runtime, listener: TcpListener, router: axum::Router, app: &Arc<App>) {
    runtime.block_on(async {
        let follow = join_all(app.progress.iter().map(|progress| progress.follow(&app.models)));
        tokio::select! {
            () = server::serve(listener, router, &app.limits, app.stopping.clone()) => {}
            _ = follow => {}
            () = sweep(app) => {}
        }
        // A request that still waits for PostgreSQL holds a connection, and is dropped with the runtime.
        let closed = async {
            app.models.close().await;
            if let Some(vault) = &app.vault {
                vault.store().close().await;
            }
        };
        drop(tokio::time::timeout(CLOSE_WITHIN, closed).await);
    });
}

/// Never ends.
async fn sweep(app: &App) {
    match &app.vault {
        Some(vault) => vault.sweep().await,
        None => std::future::pending().await,
    }
}

/// The OpenAPI document, generated from the code.
///
/// # Errors
/// Never in practice: the document is made of texts.
pub fn document() -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&api::routes().1)
}
