//! Clients that are closed on threads of their own.

use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::thread;

/// A client that whoever drops it needn't wait for.
///
/// Closing a consumer takes up to 130 ms, which a worker has better uses for. And librdkafka is known to wait for itself for
/// ever when what it is told meanwhile comes at the wrong moment (its issues 4514 and 5476, open in 2.12): then a thread is
/// lost, and not the worker.
pub(super) struct ClosedAside<T: Send + 'static>(ManuallyDrop<T>);

impl<T: Send + 'static> ClosedAside<T> {
    pub(super) fn new(client: T) -> Self {
        Self(ManuallyDrop::new(client))
    }
}

impl<T: Send + 'static> Deref for ClosedAside<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Send + 'static> Drop for ClosedAside<T> {
    #[expect(
        unsafe_code,
        reason = "a field can't be moved out of what is being dropped otherwise"
    )]
    fn drop(&mut self) {
        // SAFETY: taken once, since a value is dropped once, and nothing reads it afterwards.
        let client = unsafe { ManuallyDrop::take(&mut self.0) };
        let closing = thread::Builder::new().name("closing a client".to_owned());
        // Without a thread it is closed here.
        drop(closing.spawn(move || drop(client)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};
    use std::time::Duration;

    use super::*;

    /// Tells which thread drops it.
    struct Client(Sender<thread::ThreadId>);

    impl Drop for Client {
        fn drop(&mut self) {
            self.0.send(thread::current().id()).unwrap();
        }
    }

    #[test]
    fn a_client_is_dropped_once_and_elsewhere() {
        let (sender, dropped) = channel();
        drop(ClosedAside::new(Client(sender)));
        let by = dropped.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_ne!(by, thread::current().id());
        assert!(
            dropped.recv_timeout(Duration::from_secs(10)).is_err(),
            "the sender is gone"
        );
    }
}
