//! Whom a request was meant for.
//!
//! Nobody signs in yet: the gateway trusts whoever is on this machine. A browser is, and with it every page that it shows. A
//! page of a foreign site whose name is made to point here (DNS rebinding) could send requests as its own, and read the
//! answers. Such requests still say the foreign name in `Host`, and are refused by it.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::{Code, Problem};

/// The port that a `Host` without one means: plain HTTP's.
const PORT_DEFAULT: u16 = 80;

/// The names that the gateway answers to.
#[derive(Debug)]
pub(crate) struct Hosts {
    /// Where it listens, on loopback.
    pub(crate) port: u16,
    /// Further ones, as they stand in `Host`.
    pub(crate) configured: Vec<String>,
}

impl Hosts {
    fn is_ours(&self, host: &str) -> bool {
        self.configured.iter().any(|name| name.eq_ignore_ascii_case(host)) || self.is_loopback(host)
    }

    fn is_loopback(&self, host: &str) -> bool {
        let (name, port) = match host.rsplit_once(':') {
            // The last colon of a bare IPv6 address is no port's.
            Some((name, port)) if !host.ends_with(']') => (name, port.parse().ok()),
            _ => (host, Some(PORT_DEFAULT)),
        };
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        let is_address = match bare {
            Some(name) => name
                .parse()
                .is_ok_and(|ip: IpAddr| ip.is_ipv6() && ip.is_loopback()),
            None => name
                .parse()
                .is_ok_and(|ip: IpAddr| ip.is_ipv4() && ip.is_loopback()),
        };
        port == Some(self.port) && (is_address || name.eq_ignore_ascii_case("localhost"))
    }

    /// Whether the request names this gateway, and nobody else.
    fn are_meant(&self, request: &Request) -> bool {
        let mut hosts = request.headers().get_all(header::HOST).iter();
        let host = match (hosts.next(), hosts.next()) {
            (Some(host), None) => host.to_str().is_ok_and(|host| self.is_ours(host)),
            _ => false,
        };
        // A request's line may name one as well, and then that one counts (RFC 9112, section 3.2.2).
        let authority = request.uri().authority();
        host && authority.is_none_or(|authority| self.is_ours(authority.as_str()))
    }
}

/// Refuses what is meant for somebody else, before anything of it is read.
pub(crate) async fn check_host(State(hosts): State<Arc<Hosts>>, request: Request, next: Next) -> Response {
    if hosts.are_meant(&request) {
        return next.run(request).await;
    }
    let detail =
        "Host must be the loopback address or localhost, with the port, or a name that was configured";
    Problem::new(Code::HostUnknown, detail).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn hosts() -> Hosts {
        Hosts {
            port: 8080,
            configured: vec!["bank.example".to_owned()],
        }
    }

    #[test]
    fn loopback_with_the_port_and_what_is_configured_are_ours() {
        for host in [
            "127.0.0.1:8080",
            "127.1.2.3:8080",
            "[::1]:8080",
            "localhost:8080",
            "LocalHost:8080",
            "bank.example",
            "Bank.Example",
        ] {
            assert!(hosts().is_ours(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:8080",
            "127.0.0.1.evil.example:8080",
            "localhost.evil.example:8080",
            "localhost@evil.example:8080",
            "evil.example@127.0.0.1:8080",
            "127.0.0.1",
            "127.0.0.1:80",
            "localhost",
            "localhost:",
            "localhost:8081",
            "::1:8080",
            "[::1]",
            "[127.0.0.1]:8080",
            "0.0.0.0:8080",
            "10.0.0.1:8080",
            "[::ffff:127.0.0.1]:8080",
            "bank.example:8080",
        ] {
            assert!(!hosts().is_ours(host), "{host}");
        }
        let of_port_80 = Hosts {
            port: 80,
            configured: Vec::new(),
        };
        assert!(of_port_80.is_ours("localhost") && of_port_80.is_ours("[::1]"));
    }

    #[test]
    fn a_request_names_one_host_and_its_line_no_other() {
        let meant = |line: &str, named: &[&str]| {
            let mut request = Request::get(line);
            for host in named {
                request = request.header("host", *host);
            }
            hosts().are_meant(&request.body(Body::empty()).unwrap())
        };
        assert!(meant("/health", &["127.0.0.1:8080"]));
        assert!(meant("http://127.0.0.1:8080/health", &["127.0.0.1:8080"]));
        assert!(!meant("/health", &[]));
        assert!(!meant("/health", &["127.0.0.1:8080", "evil.example"]));
        assert!(!meant("http://evil.example/health", &["127.0.0.1:8080"]));
    }
}
