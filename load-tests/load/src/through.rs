//! Payments through the gateway: requests on kept connections, as many at once as the schedule asks for.

use std::{net::SocketAddr, sync::Arc, thread, time::Duration};

use http_body_util::{BodyExt, Full};
use hyper::{
    Request, StatusCode,
    body::Bytes,
    client::conn::http1::{self, SendRequest},
    header::{CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::{
    net::TcpStream,
    sync::{Mutex, mpsc},
};
use tributary_ids::{CommandId, PaymentId};

use crate::{
    LoadError,
    outcomes::{Outcomes, Sent},
};

/// Connections that are kept. One request at a time on each; what the schedule wants beyond waits, and its wait counts.
const CONNECTIONS: usize = 128;

/// Times that a request is sent: the second if the connection broke, which a server may do between two requests.
const ATTEMPTS: usize = 2;

/// A payment to be asked for.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) key: String,
    pub(crate) body: String,
    pub(crate) intended: Duration,
}

/// Hands wishes to the connections.
pub(crate) type Wishes = mpsc::UnboundedSender<Wish>;

/// What of a 202's body is needed.
#[derive(Deserialize)]
struct Acknowledged {
    command_id: CommandId,
    resource: String,
}

/// Asks for every wish, until the last sender is gone and the last answer has come, or the outcomes are looked at no more.
pub(crate) fn ask_all(
    gateway: SocketAddr,
    wishes: mpsc::UnboundedReceiver<Wish>,
    outcomes: &Arc<Outcomes>,
) -> Result<thread::JoinHandle<()>, LoadError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let outcomes = Arc::clone(outcomes);
    let ask = move || {
        runtime.block_on(async {
            let wishes = Arc::new(Mutex::new(wishes));
            let mut connections = tokio::task::JoinSet::new();
            for _ in 0..CONNECTIONS {
                connections.spawn(ask_in_turn(gateway, Arc::clone(&wishes), Arc::clone(&outcomes)));
            }
            connections.join_all().await;
        });
    };
    Ok(thread::Builder::new().name("requests".to_owned()).spawn(ask)?)
}

async fn ask_in_turn(
    gateway: SocketAddr,
    wishes: Arc<Mutex<mpsc::UnboundedReceiver<Wish>>>,
    outcomes: Arc<Outcomes>,
) {
    let mut connection = None;
    loop {
        let next = wishes.lock().await.recv().await;
        let Some(wish) = next else { return };
        if outcomes.is_stopped() {
            return;
        }
        match ask(gateway, &mut connection, &wish).await {
            Answer::Accepted { payment, command } => outcomes.accepted(Sent {
                payment,
                command,
                intended: wish.intended,
            }),
            Answer::TurnedAway(how) => outcomes.turned_away(how),
        }
    }
}

enum Answer {
    Accepted { payment: PaymentId, command: CommandId },
    TurnedAway(&'static str),
}

async fn ask(gateway: SocketAddr, connection: &mut Option<SendRequest<Full<Bytes>>>, wish: &Wish) -> Answer {
    for _ in 0..ATTEMPTS {
        let sender = match connection.take() {
            Some(sender) if !sender.is_closed() => Some(sender),
            _ => connect(gateway).await,
        };
        let Some(mut sender) = sender else { continue };
        let Some((status, body)) = exchange(gateway, &mut sender, wish).await else {
            continue;
        };
        *connection = Some(sender);
        return match status {
            StatusCode::ACCEPTED => accepted(&body).unwrap_or(Answer::TurnedAway("unreadable answers")),
            StatusCode::TOO_MANY_REQUESTS => Answer::TurnedAway("turned away (429)"),
            StatusCode::SERVICE_UNAVAILABLE => Answer::TurnedAway("unavailable (503)"),
            _ => Answer::TurnedAway("other answers"),
        };
    }
    Answer::TurnedAway("no answers")
}

fn accepted(body: &[u8]) -> Option<Answer> {
    let acknowledged: Acknowledged = serde_json::from_slice(body).ok()?;
    Some(Answer::Accepted {
        payment: acknowledged.resource.rsplit('/').next()?.parse().ok()?,
        command: acknowledged.command_id,
    })
}

async fn connect(gateway: SocketAddr) -> Option<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(gateway).await.ok()?;
    stream.set_nodelay(true).ok()?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    // It ends with the sender, or by an error that the next request meets.
    tokio::spawn(async { drop(connection.await) });
    Some(sender)
}

/// None: the connection broke.
async fn exchange(
    gateway: SocketAddr,
    sender: &mut SendRequest<Full<Bytes>>,
    wish: &Wish,
) -> Option<(StatusCode, Bytes)> {
    sender.ready().await.ok()?;
    let request = Request::post("/v1/payments")
        .header(HOST, gateway.to_string())
        .header(CONTENT_TYPE, "application/json")
        .header("Idempotency-Key", &wish.key)
        .body(Full::new(Bytes::from(wish.body.clone())))
        .ok()?;
    let response = sender.send_request(request).await.ok()?;
    let status = response.status();
    let body = response.into_body().collect().await.ok()?.to_bytes();
    Some((status, body))
}
