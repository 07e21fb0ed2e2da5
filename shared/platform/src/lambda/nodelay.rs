//! Turns off Nagle's algorithm for streams.
//!
//! The runtime's client leaves the algorithm on for its socket to the Runtime API. A streamed
//! response is several small writes, so each stream would wait about 40 ms for an acknowledgement.
//! The client has no setting for it, so the socket is found and set from outside.

use std::fs;
use std::os::fd::{BorrowedFd, RawFd};

use socket2::SockRef;

/// Sets `TCP_NODELAY` on every socket of this process to a loopback or link-local address. The
/// Runtime API has such an address. A socket that cannot be set is left unchanged.
pub(super) fn on_runtime_sockets() {
    let Ok(descriptors) = fs::read_dir("/proc/self/fd") else { return };
    for descriptor in descriptors.flatten() {
        let name = descriptor.file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse::<RawFd>().ok()) else {
            continue;
        };
        set(number);
    }
}

#[expect(
    unsafe_code,
    reason = "a descriptor of another library can only be borrowed by its number"
)]
fn set(number: RawFd) {
    // SAFETY: the number was just listed as open. If it is closed in the meantime, the calls below
    // fail, or set a harmless option on another socket of this process. Nothing is read, written or
    // closed through it.
    let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
    let socket = SockRef::from(&descriptor);
    let peer = socket.peer_addr().ok().and_then(|address| address.as_socket());
    let is_runtime = peer.is_some_and(|peer| match peer.ip() {
        std::net::IpAddr::V4(ip) => ip.is_loopback() || ip.is_link_local(),
        std::net::IpAddr::V6(ip) => ip.is_loopback(),
    });
    if is_runtime {
        let _ = socket.set_tcp_nodelay(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sockets_to_loopback_lose_their_delay() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        assert!(!socket.nodelay().unwrap());
        on_runtime_sockets();
        assert!(socket.nodelay().unwrap());
    }
}
